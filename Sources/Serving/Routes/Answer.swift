import Generation

/// Why an answer stays unfinished.
enum AnswerInterruption: Error {
  case clientIsGone
  case shutdown
}

/// Turns events into what clients read: the whole answer, or chunks of it.
struct Answer<Format: AnswerFormat> {
  let job: Job
  let format: Format
  private let run: Run
  private var clock: RequestClock
  /// Prompt-major.
  private var choices: [ChoiceProgress]
  private var unfinished: Int
  private var cachedTokens = 0

  init(_ job: Job, _ format: Format, _ run: Run, _ clock: RequestClock) {
    self.job = job
    self.format = format
    self.run = run
    self.clock = clock
    choices = job.prompts.flatMap { prompt in
      Array(repeating: job.progress(of: prompt), count: job.choices)
    }
    unfinished = choices.count
  }

  var choiceCount: Int { choices.count }

  var usage: Usage {
    Usage(
      prompt: job.prompts.reduce(0) { $0 + $1.ids.count }, cached: cachedTokens,
      completion: choices.reduce(0) { $0 + $1.count })
  }

  /// Gives out each choice's news until all are finished; after each batch of events, `flush`.
  mutating func forEachDelta(
    _ give: (Int, ChoiceProgress.Delta) -> Void, flush: () async throws -> Void
  ) async throws {
    if job.echoes, !job.echoesScores {
      for index in choices.indices {
        give(index, job.echo(of: job.prompts[index / job.choices], scores: nil))
      }
      try await flush()
    }
    while unfinished > 0 {
      switch await run.mailbox.take() {
      case .closed(.clientIsGone): throw AnswerInterruption.clientIsGone
      case .closed(.shutdown): throw AnswerInterruption.shutdown
      case .entries(let entries):
        for entry in entries { try read(entry, give) }
        try await flush()
        run.mailbox.reportBacklog()
      }
    }
    clock.finish(tokens: usage.completion, choices: choices.count)
  }

  private mutating func read(_ entry: Mailbox.Entry, _ give: (Int, ChoiceProgress.Delta) -> Void) throws {
    let first = entry.prompt * job.choices
    switch entry.event {
    case .prompt(let cached, let scores):
      cachedTokens += cached
      guard job.echoesScores else { return }
      let echo = job.echo(of: job.prompts[entry.prompt], scores: scores)
      for index in first..<first + job.choices { give(index, echo) }
    case .token(let choice, let score):
      let index = first + choice
      if choices[index].isFinished { return }
      clock.token()
      let delta = choices[index].take(score)
      if delta.finish != nil { run.mailbox.cancel(choice: choice, ofPrompt: entry.prompt) }
      pass(delta, of: index, give)
    case .end(let choice, let end):
      if choices[first + choice].isFinished { return }
      switch end {
      case .length: pass(choices[first + choice].end(.length), of: first + choice, give)
      case .stop: pass(choices[first + choice].end(.stop), of: first + choice, give)
      case .cancelled: throw AnswerInterruption.shutdown
      }
    }
  }

  private mutating func pass(
    _ delta: ChoiceProgress.Delta, of index: Int, _ give: (Int, ChoiceProgress.Delta) -> Void
  ) {
    if delta.finish != nil { unfinished -= 1 }
    if !delta.isEmpty { give(index, delta) }
  }

  /// The whole answer.
  mutating func collect() async throws -> JSONOutput {
    var whole = Array(repeating: ChoiceProgress.Delta(), count: choices.count)
    try await forEachDelta(
      { index, delta in
        whole[index].text += delta.text
        whole[index].scores += delta.scores
        whole[index].finish = delta.finish
      }, flush: {})
    var output = JSONOutput(capacity: 4096)
    format.whole(whole, usage: usage, to: &output)
    return output
  }
}

/// Counts of tokens, as clients are told.
struct Usage {
  var prompt: Int
  /// Of the prompts, what was found in the cache.
  var cached: Int
  var completion: Int
}

extension JSONOutput {
  mutating func usage(_ usage: Usage) {
    raw(#"{"prompt_tokens":"#)
    integer(usage.prompt)
    raw(#","completion_tokens":"#)
    integer(usage.completion)
    raw(#","total_tokens":"#)
    integer(usage.prompt + usage.completion)
    raw(#","prompt_tokens_details":{"cached_tokens":"#)
    integer(usage.cached)
    raw("}}")
  }
}
