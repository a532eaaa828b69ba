import Dispatch
import Generation
import Synchronization

/// A service that writes what it was told to, and remembers what was asked of it.
final class ScriptedService: GenerationService {
  struct State {
    var submitted: [GenerationRequest] = []
    var cancelled = 0
    var running = 0
    var written = 0
    /// The most events that a ticket was told to wait.
    var largestBacklog = 0
    var failure: GenerationFailure?
    /// Tokens are written only so far; nil: all.
    var tokensAllowed: Int?
  }

  let context: Int
  let state = Mutex(State())
  private let script: @Sendable (GenerationRequest, Int) -> [Int32]
  /// How far a reader may be behind.
  private let backlogLimit = 64

  /// - Parameter script: what a choice of a request writes.
  init(context: Int = 512, _ script: @escaping @Sendable (GenerationRequest, Int) -> [Int32]) {
    self.context = context
    self.script = script
  }

  /// Writes `text` whatever is asked.
  convenience init(_ text: String, context: Int = 512) {
    let ids = text.utf8.map { Int32($0) } + [ByteTokenizer.end]
    self.init(context: context) { _, _ in ids }
  }

  /// ln p of a token at a place, made up: the same for the same arguments, never 0.
  static func logProbability(_ id: Int32, at place: Int) -> Double {
    -Double((Int(id) &* 7919 &+ (place % ranks) &* 104_729) % 1009 + 1) / 97
  }

  private static let ranks = 97
  /// By place: all tokens, likeliest first.
  private static let ranked = (0..<ranks).map { place in
    (0..<Int32(261)).map { ($0, logProbability($0, at: place)) }
      .sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0)
  }

  /// The token's score, and the likeliest of all.
  static func score(_ id: Int32, at place: Int, alternatives: Int?) -> TokenScore {
    guard let count = alternatives else { return TokenScore(id: id) }
    let best = ranked[place % ranked.count].prefix(count)
    return TokenScore(
      id: id, logProbability: logProbability(id, at: place),
      alternatives: best.map { TokenScore.Alternative(id: $0, logProbability: logProbability($0, at: place)) }
    )
  }

  final class Ticket: GenerationTicket {
    struct State {
      var isCancelled = false
      var cancelledChoices: Set<Int> = []
      var backlog = 0
    }
    let state = Mutex(State())
    private let service: ScriptedService

    init(_ service: ScriptedService) { self.service = service }

    func cancel() {
      let isFirst = state.withLock { state in
        defer { state.isCancelled = true }
        return !state.isCancelled
      }
      if isFirst { service.state.withLock { $0.cancelled += 1 } }
    }
    func cancel(choice: Int) { state.withLock { _ = $0.cancelledChoices.insert(choice) } }
    func setBacklog(_ events: Int) {
      state.withLock { $0.backlog = events }
      service.state.withLock { $0.largestBacklog = max($0.largestBacklog, events) }
    }
  }

  func submit(_ request: GenerationRequest, handler: @escaping @Sendable (GenerationEvent) -> Void)
    throws(GenerationFailure) -> any GenerationTicket
  {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    state.withLock {
      $0.submitted.append(request)
      $0.running += 1
    }
    let ticket = Ticket(self)
    // A thread of its own, as an engine has.
    DispatchQueue(label: "scripted").async { self.run(request, ticket, handler) }
    return ticket
  }

  private func run(
    _ request: GenerationRequest, _ ticket: Ticket, _ handler: @Sendable (GenerationEvent) -> Void
  ) {
    let scores = request.promptAlternatives.map { alternatives in
      request.prompt.indices.dropFirst().map {
        Self.score(request.prompt[$0], at: $0, alternatives: alternatives)
      }
    }
    // Half of every prompt is known.
    handler(.prompt(cached: request.prompt.count / 2, scores ?? []))
    var open = Set(0..<request.choices)
    let scripts = (0..<request.choices).map { script(request, $0) }
    var step = 0
    while !open.isEmpty {
      pause(ticket, step)
      for choice in open.sorted() {
        let isCancelled = ticket.state.withLock { $0.isCancelled || $0.cancelledChoices.contains(choice) }
        if isCancelled || step >= request.maximumTokens || step >= scripts[choice].count {
          open.remove(choice)
          handler(.end(choice: choice, isCancelled ? .cancelled : .length))
        } else if request.stops.contains(scripts[choice][step]) {
          open.remove(choice)
          handler(.end(choice: choice, .stop(scripts[choice][step])))
        } else {
          let place = request.prompt.count + step
          state.withLock { $0.written += 1 }
          handler(
            .token(
              choice: choice,
              Self.score(scripts[choice][step], at: place, alternatives: request.alternatives)))
        }
      }
      step += 1
    }
    state.withLock { $0.running -= 1 }
  }

  /// Waits while the reader is behind, or no more tokens are allowed.
  private func pause(_ ticket: Ticket, _ step: Int) {
    while true {
      let (isCancelled, backlog) = ticket.state.withLock { ($0.isCancelled, $0.backlog) }
      let isAllowed = state.withLock { $0.tokensAllowed.map { step < $0 } ?? true }
      if isCancelled || (backlog < backlogLimit && isAllowed) { return }
      _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(1))
    }
  }

  func embed(_ ids: [Int32]) async throws(GenerationFailure) -> [Float] {
    [Float(ids.count), Float(ids.reduce(0, +)), 0.1, -1]
  }

  var statistics: GenerationStatistics {
    var statistics = GenerationStatistics()
    statistics.running = state.withLock { $0.running }
    statistics.pages = 77
    return statistics
  }
}
