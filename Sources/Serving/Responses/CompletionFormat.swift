import Generation

/// Completions: `text_completion` objects.
struct CompletionFormat: AnswerFormat {
  let header: AnswerHeader
  /// Whether scores were asked for: their member is null otherwise.
  let hasScores: Bool

  func whole(_ choices: [ChoiceProgress.Delta], usage: Usage, to output: inout JSONOutput) {
    output.header(header, object: "text_completion")
    for (index, choice) in choices.enumerated() {
      if index > 0 { output.comma() }
      write(choice, index, to: &output)
    }
    output.closeChunk(header, usage: usage)
  }

  func opening(_ choice: Int, to output: inout JSONOutput) {}

  func chunk(_ delta: ChoiceProgress.Delta, _ choice: Int, to output: inout JSONOutput) {
    output.header(header, object: "text_completion")
    write(delta, choice, to: &output)
    output.closeChunk(header)
  }

  func ending(_ usage: Usage, to output: inout JSONOutput) {
    output.header(header, object: "text_completion")
    output.closeChunk(header, usage: usage)
  }

  private func write(_ choice: ChoiceProgress.Delta, _ index: Int, to output: inout JSONOutput) {
    output.raw(#"{"index":"#)
    output.integer(index)
    output.raw(#","text":"#)
    output.string(choice.text)
    output.raw(#","logprobs":"#)
    if hasScores { scores(choice.scores, to: &output) } else { output.raw("null") }
    output.finish(choice.finish)
    output.raw("}")
  }

  private func scores(_ scores: [ChoiceProgress.Placed], to output: inout JSONOutput) {
    func list(_ write: (inout JSONOutput, ChoiceProgress.Placed) -> Void) {
      output.raw("[")
      for (index, placed) in scores.enumerated() {
        if index > 0 { output.comma() }
        write(&output, placed)
      }
      output.raw("]")
    }
    output.raw(#"{"tokens":"#)
    list { $0.string(header.tokens.name($1.score.id)) }
    output.raw(#","token_logprobs":"#)
    list { $0.number($1.score.logProbability) }
    output.raw(#","top_logprobs":"#)
    list { top($1.score, to: &$0) }
    output.raw(#","text_offset":"#)
    list { $0.integer($1.offset) }
    output.raw("}")
  }

  /// The likeliest tokens and the token itself. Of tokens with one text the likeliest stands for all.
  private func top(_ score: TokenScore, to output: inout JSONOutput) {
    if score.logProbability.isNaN { return output.raw("null") }
    var named: Set<[UInt8]> = []
    output.raw("{")
    func write(_ id: Int32, _ logProbability: Double) {
      let name = header.tokens.name(id)
      guard named.insert(Array(name.utf8)).inserted else { return }
      if named.count > 1 { output.comma() }
      output.string(name)
      output.raw(":")
      output.number(logProbability)
    }
    for alternative in score.alternatives { write(alternative.id, alternative.logProbability) }
    if !score.alternatives.contains(where: { $0.id == score.id }) {
      write(score.id, score.logProbability)
    }
    output.raw("}")
  }
}
