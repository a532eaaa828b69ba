import ArgumentParser
import Collectives
import Files
import FoundationEssentials
import Generation
import Synchronization
import Telemetry
import Tokenizers

/// `needletail generate --input`: a file of prompts in, the same lines with their completions out.
///
/// Models on several data-parallel ranks divide the lines. Each writes what is done to a part of its own; who is
/// done last puts the lines together in their order.
struct PromptRun: Sendable {
  private let output: String
  private let launch: EngineLaunch
  private let chat: ModelChat
  private let chatPrompt: ChatPrompt
  private let ignoresEnd: Bool
  private let config: EngineConfig
  private let lines: [ArraySlice<UInt8>]
  private let prompts: [PromptLine]
  /// What the lines depend on, for those who go on later.
  private let settings: String
  /// Output lines that are there already.
  private let known: [Int: [UInt8]]
  /// Tokens that end a text.
  private let stops: Set<Int32>

  /// A completion, as the output has it.
  private struct Completion: Codable {
    var text = ""
    var finishReason = "length"
    var tokens = 0
  }

  init(
    model: String, input: String, output: String, launch: EngineLaunch, defaults: PromptLine.Defaults,
    chat: ModelChat, ignoresEnd: Bool, config: EngineConfig
  ) throws {
    self.output = output
    self.launch = launch
    self.chat = chat
    chatPrompt = ChatPrompt(chat, launch.named.tokenizer)
    self.ignoresEnd = ignoresEnd
    // Lines are handed over as others are done: none of them is too many.
    var config = config
    config.queueLimit = .max
    self.config = config
    stops = try launch.named.stops()
    let all = try MappedFile(input).contents.split(separator: 0x0A, omittingEmptySubsequences: false)
    lines = all.filter { line in line.contains { !($0 == 0x20 || $0 == 0x0D || $0 == 0x09) } }
    guard !lines.isEmpty else {
      throw ValidationError("\(input): has no prompts, expected a JSON object a line")
    }
    prompts = try lines.enumerated().map { index, line throws in
      try PromptLine(Array(line), defaults: defaults, source: "\(input), prompt \(index + 1)")
    }
    // The model's name stands for the model.
    settings =
      "\(model) \(launch.format.rawValue) \(ignoresEnd) \(defaults) "
      + Checksum(of: chat.template.source).hexadecimal
    guard !FileManager.default.fileExists(atPath: output) else {
      throw ValidationError("\(output): is there already; name another, or remove it")
    }
    try Folder.createParent(of: output)
    known = try PartialOutput.lines(
      of: output, parts: try PartialOutput.parts(of: output), settings: settings, inputs: lines)
  }

  func run() throws {
    if launch.isFirst, !known.isEmpty {
      Terminal.standardError.writeLine("going on: \(known.count) of \(lines.count) prompts are done")
    }
    let start = ContinuousClock.now
    let totals = Mutex((figures: GenerationStatistics(), refused: 0))
    try launch.run { [self] rank, runner in
      let (figures, refused) = try write(rank, runner)
      totals.withLock { $0 = ($0.figures.adding(figures), $0.refused + refused) }
      try merge()
    }
    guard launch.isFirst else { return }
    guard FileManager.default.fileExists(atPath: output) else {
      return Terminal.standardError.writeLine(
        "this rank's lines are done; \(output) appears when those of the others are")
    }
    let seconds = (ContinuousClock.now - start).seconds, (all, refused) = totals.withLock { $0 }
    print(
      Table(rows: [
        ["prompts", "\(lines.count), of which \(known.count) were done before"],
        ["refused", refused == 0 ? "none" : "\(refused); each has an error in the output"],
        [
          "read",
          "\(Brief.count(all.promptTokens)) tokens, of which \(Brief.count(all.cachedTokens)) were known",
        ],
        [
          "written",
          "\(Brief.count(all.writtenTokens)) tokens, \(Brief.count(Double(all.writtenTokens) / max(seconds, 1e-9))) "
            + "tokens/s, loading included",
        ],
        ["made to wait", "\(all.preemptions) times for want of room"],
        ["output", output],
      ]))
  }

  /// Writes this model's share of the lines that are not there yet.
  private func write(_ rank: Rank, _ runner: ModelRunner) throws -> (GenerationStatistics, refused: Int) {
    let missing = lines.indices.filter { known[$0] == nil }
    let own = missing.enumerated().filter { $0.offset % rank.mesh.data == rank.place.data }.map(\.element)
    let part = try PartialOutput(output, writer: rank.place.data, settings: settings)
    let engine = Engine(launch.named.trained.config, config)
    let progress = rank.isFirst ? ProgressLine("generate", total: own.count, unit: "prompt") : nil
    let desk = Desk(self, own, part, engine, progress)
    for _ in 0..<min(own.count, 2 * config.runningLimit) { desk.submitNext() }
    engine.run(runner, untilIdle: true)
    progress?.finish()
    if let failure = desk.failure { throw failure }
    return (engine.statistics, desk.refused)
  }

  /// Hands lines to an engine, a new one for each that is done. All of it happens on the engine's thread.
  private final class Desk: @unchecked Sendable {
    private let run: PromptRun
    private var rest: ArraySlice<Int>
    private let part: PartialOutput
    private let engine: Engine
    private let progress: ProgressLine?
    private var done = 0
    private(set) var refused = 0
    private var written = 0
    private let start = ContinuousClock.now
    private(set) var failure: (any Error)?

    init(_ run: PromptRun, _ own: [Int], _ part: PartialOutput, _ engine: Engine, _ progress: ProgressLine?) {
      self.run = run
      rest = own[...]
      self.part = part
      self.engine = engine
      self.progress = progress
    }

    func submitNext() {
      do {
        while failure == nil, let number = rest.popFirst() {
          if try submit(number) { return }
        }
      } catch { failure = error }
    }

    /// False where the line can never run, which its output line says.
    private func submit(_ number: Int) throws -> Bool {
      let request: GenerationRequest
      do {
        request = try run.request(number)
        try engine.check(request)
      } catch {
        // The others go on; who reads the output sees why this one did not.
        refused += 1
        try conclude(number, run.line(number, [], error: "\(error)"))
        return false
      }
      let line = Line(
        request.choices,
        ChoiceText(run.launch.named.tokenizer, stops: run.prompts[number].stops))
      line.ticket = try engine.submit(request) { [self] event in
        if case .token = event { written += 1 }
        if line.note(event) { finish(number, line.completions) }
      }
      return true
    }

    private func finish(_ number: Int, _ completions: [Completion]) {
      guard failure == nil else { return }
      do { try conclude(number, run.line(number, completions)) } catch { failure = error }
      submitNext()
    }

    private func conclude(_ number: Int, _ line: [UInt8]) throws {
      try part.add(number, of: Array(run.lines[number]), line)
      done += 1
      let seconds = (ContinuousClock.now - start).seconds
      progress?.update(done, [.tokensPerSecond(Double(written) / max(seconds, 1e-9))])
    }
  }

  /// A line whose completions are being written, on the engine's thread.
  private final class Line: @unchecked Sendable {
    private(set) var completions: [Completion]
    var ticket: (any GenerationTicket)?
    private var texts: [ChoiceText]
    private var unfinished: Int

    init(_ choices: Int, _ text: ChoiceText) {
      completions = [Completion](repeating: Completion(), count: choices)
      texts = [ChoiceText](repeating: text, count: choices)
      unfinished = choices
    }

    /// Whether the line is done with this.
    func note(_ event: GenerationEvent) -> Bool {
      switch event {
      case .prompt: break
      case .token(let choice, let score):
        guard !texts[choice].isStopped else { break }
        completions[choice].text += texts[choice].append(score.id)
        completions[choice].tokens += 1
        if texts[choice].isStopped { ticket?.cancel(choice: choice) }
      case .end(let choice, let end):
        completions[choice].text += texts[choice].finish()
        if texts[choice].isStopped || end != .length { completions[choice].finishReason = "stop" }
        unfinished -= 1
      }
      return unfinished == 0
    }
  }

  private func request(_ number: Int) throws -> GenerationRequest {
    let prompt = prompts[number], tokenizer = launch.named.tokenizer
    func failure(_ sentence: String) -> PromptLine.Failure {
      PromptLine.Failure(description: "prompt \(number + 1): \(sentence)")
    }
    let ids: [Int32]
    switch prompt.content {
    case .text(let text): ids = tokenizer.opening + tokenizer.encode(text)
    case .ids(let own): ids = own
    case .messages(let messages):
      do { ids = try chatPrompt.encode(messages) } catch {
        throw failure("the chat template refuses the messages: \(error)")
      }
    }
    let context = launch.named.trained.config.context
    var request = GenerationRequest(
      prompt: ids, maximumTokens: min(prompt.maximumTokens, max(0, context - ids.count)))
    request.sampling = prompt.sampling
    request.choices = prompt.choices
    if !ignoresEnd {
      request.stops = stops
      if case .messages = prompt.content { request.stops.formUnion(chat.stops(tokenizer)) }
    }
    return request
  }

  /// The input line with its completions.
  private func line(_ number: Int, _ completions: [Completion], error: String? = nil) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    var line = Array(lines[number])
    while let last = line.last, last != UInt8(ascii: "}") { line.removeLast() }
    line.removeLast()
    line += Array(", \"completions\": ".utf8) + [UInt8](try encoder.encode(completions))
    if let error { line += Array(", \"error\": ".utf8) + [UInt8](try encoder.encode(error)) }
    return line + [UInt8(ascii: "}")]
  }

  /// Puts the lines together, where they are all there: whoever is done last does it.
  private func merge() throws {
    let parts = try PartialOutput.parts(of: output)
    guard !FileManager.default.fileExists(atPath: output),
      let all = try? PartialOutput.lines(of: output, parts: parts, settings: settings, inputs: lines),
      all.count == lines.count
    else { return }
    let file = try AtomicFile(output)
    for number in lines.indices { try file.write((all[number] ?? []) + [0x0A]) }
    try file.commit()
    for part in parts { try Folder.remove(part) }
  }
}

extension GenerationStatistics {
  fileprivate func adding(_ other: GenerationStatistics) -> GenerationStatistics {
    var sum = self
    sum.promptTokens += other.promptTokens
    sum.cachedTokens += other.cachedTokens
    sum.writtenTokens += other.writtenTokens
    sum.preemptions += other.preemptions
    return sum
  }
}
