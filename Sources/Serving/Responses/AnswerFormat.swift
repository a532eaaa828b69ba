/// How an answer is written: as a completion or as a chat completion.
protocol AnswerFormat: Sendable {
  /// The answer at once; a choice is all its news together.
  func whole(_ choices: [ChoiceProgress.Delta], usage: Usage, to output: inout JSONOutput)
  /// What a stream says of a choice before its first text.
  func opening(_ choice: Int, to output: inout JSONOutput)
  func chunk(_ delta: ChoiceProgress.Delta, _ choice: Int, to output: inout JSONOutput)
  /// The last chunk of a stream that tells its token counts.
  func ending(_ usage: Usage, to output: inout JSONOutput)
}

/// What all objects of one answer have in common.
struct AnswerHeader: Sendable {
  let id: String
  let created: Int
  let model: String
  let tokens: TokenNames
  /// Whether a stream's chunks have a member `usage`.
  let includesUsage: Bool

  init(_ prefix: String, _ job: Job, created: Int) {
    let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz")
    id = prefix + String((0..<24).map { _ in digits[Int.random(in: digits.indices)] })
    self.created = created
    model = job.model.name
    tokens = job.model.tokens
    includesUsage = job.includesUsage
  }
}

extension JSONOutput {
  /// An object's beginning, up to its choices.
  mutating func header(_ header: AnswerHeader, object: StaticString) {
    raw(#"{"id":"#)
    string(header.id)
    raw(#","object":""#)
    raw(object)
    raw(#"","created":"#)
    integer(header.created)
    raw(#","model":"#)
    string(header.model)
    raw(#","system_fingerprint":"needletail","choices":["#)
  }

  mutating func finish(_ finish: ChoiceProgress.Finish?) {
    switch finish {
    case .stop: raw(#","finish_reason":"stop""#)
    case .length: raw(#","finish_reason":"length""#)
    case nil: raw(#","finish_reason":null"#)
    }
  }

  /// The choices' end, and the counts where they are wanted.
  mutating func closeChunk(_ header: AnswerHeader, usage: Usage? = nil) {
    raw("]")
    if let usage {
      raw(#","usage":"#)
      self.usage(usage)
    } else if header.includesUsage {
      raw(#","usage":null"#)
    }
    raw("}")
  }
}
