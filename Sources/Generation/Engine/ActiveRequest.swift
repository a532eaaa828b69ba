import Synchronization

/// A request that was taken, as the engine and whoever asked see it.
final class ActiveRequest: GenerationTicket {
  let request: GenerationRequest
  /// Whether the prompt's last hidden states are wanted and nothing is to be written.
  let onHidden: (@Sendable ([Float]) -> Void)?
  private let wake: @Sendable () -> Void
  private let state: Mutex<State>

  private struct State {
    var isCancelled = false
    var cancelled: Set<Int> = []
    var backlog = 0
    /// Nil when all choices have ended: whoever asked holds the ticket, and the handler holds who asked.
    var handler: (@Sendable (GenerationEvent) -> Void)?
    var unended: Int
    init(_ choices: Int, _ handler: @escaping @Sendable (GenerationEvent) -> Void) {
      unended = choices
      self.handler = handler
    }
  }

  init(
    _ request: GenerationRequest, onHidden: (@Sendable ([Float]) -> Void)? = nil,
    wake: @escaping @Sendable () -> Void, handler: @escaping @Sendable (GenerationEvent) -> Void
  ) {
    self.request = request
    self.onHidden = onHidden
    self.wake = wake
    state = Mutex(State(request.choices, handler))
  }

  func tell(_ event: GenerationEvent) {
    let handler = state.withLock { state in
      defer {
        if case .end = event {
          state.unended -= 1
          if state.unended == 0 { state.handler = nil }
        }
      }
      return state.handler
    }
    handler?(event)
  }

  func cancel() {
    state.withLock { $0.isCancelled = true }
    wake()
  }

  func cancel(choice: Int) {
    state.withLock { _ = $0.cancelled.insert(choice) }
    wake()
  }

  func setBacklog(_ events: Int) {
    let before = state.withLock { state in
      defer { state.backlog = events }
      return state.backlog
    }
    if events < before { wake() }
  }

  var backlog: Int { state.withLock { $0.backlog } }

  func isCancelled(_ choice: Int) -> Bool {
    state.withLock { $0.isCancelled || $0.cancelled.contains(choice) }
  }
}
