import Generation

/// Chat completions: `chat.completion` objects, and `chat.completion.chunk` in streams.
struct ChatFormat: AnswerFormat {
  let header: AnswerHeader
  /// Whether scores were asked for: their member is null otherwise.
  let hasScores: Bool

  func whole(_ choices: [ChoiceProgress.Delta], usage: Usage, to output: inout JSONOutput) {
    output.header(header, object: "chat.completion")
    for (index, choice) in choices.enumerated() {
      if index > 0 { output.comma() }
      output.raw(#"{"index":"#)
      output.integer(index)
      output.raw(#","message":{"role":"assistant","content":"#)
      output.string(choice.text)
      output.raw(#","refusal":null},"logprobs":"#)
      scores(choice.scores, to: &output)
      output.finish(choice.finish)
      output.raw("}")
    }
    output.closeChunk(header, usage: usage)
  }

  func opening(_ choice: Int, to output: inout JSONOutput) {
    output.header(header, object: "chat.completion.chunk")
    output.raw(#"{"index":"#)
    output.integer(choice)
    output.raw(#","delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}"#)
    output.closeChunk(header)
  }

  func chunk(_ delta: ChoiceProgress.Delta, _ choice: Int, to output: inout JSONOutput) {
    output.header(header, object: "chat.completion.chunk")
    output.raw(#"{"index":"#)
    output.integer(choice)
    output.raw(#","delta":{"#)
    if !delta.text.isEmpty || delta.finish == nil {
      output.raw(#""content":"#)
      output.string(delta.text)
    }
    output.raw(#"},"logprobs":"#)
    if delta.scores.isEmpty { output.raw("null") } else { scores(delta.scores, to: &output) }
    output.finish(delta.finish)
    output.raw("}")
    output.closeChunk(header)
  }

  func ending(_ usage: Usage, to output: inout JSONOutput) {
    output.header(header, object: "chat.completion.chunk")
    output.closeChunk(header, usage: usage)
  }

  private func scores(_ scores: [ChoiceProgress.Placed], to output: inout JSONOutput) {
    guard hasScores else { return output.raw("null") }
    output.raw(#"{"content":["#)
    for (index, placed) in scores.enumerated() {
      if index > 0 { output.comma() }
      token(placed.score.id, placed.score.logProbability, to: &output)
      output.raw(#","top_logprobs":["#)
      for (index, alternative) in placed.score.alternatives.enumerated() {
        if index > 0 { output.comma() }
        token(alternative.id, alternative.logProbability, to: &output)
        output.raw("}")
      }
      output.raw("]}")
    }
    output.raw(#"],"refusal":null}"#)
  }

  /// A token's object, left open.
  private func token(_ id: Int32, _ logProbability: Double, to output: inout JSONOutput) {
    let bytes = header.tokens.bytes(id)
    output.raw(#"{"token":"#)
    output.string(TokenNames.name(bytes))
    output.raw(#","logprob":"#)
    output.number(logProbability)
    output.raw(#","bytes":["#)
    for (index, byte) in bytes.enumerated() {
      if index > 0 { output.comma() }
      output.integer(Int(byte))
    }
    output.raw("]")
  }
}
