import Synchronization

/// Lets so many requests in at once.
final class RequestGate: Sendable {
  private let inside = Mutex(0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// How many are inside.
  var count: Int { inside.withLock { $0 } }

  /// A request's place inside; gone, another may come in.
  final class Pass: Sendable {
    private let gate: RequestGate
    fileprivate init(_ gate: RequestGate) { self.gate = gate }
    deinit { gate.inside.withLock { $0 -= 1 } }
  }

  func enter() throws(APIError) -> Pass {
    let isOpen = inside.withLock { inside in
      guard inside < limit else { return false }
      inside += 1
      return true
    }
    guard isOpen else { throw .busy("\(limit) requests are being answered already; try again later") }
    return Pass(self)
  }
}
