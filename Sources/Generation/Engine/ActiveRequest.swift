import Synchronization

/// A request that was taken, as the engine and whoever asked see it.
final class ActiveRequest: GenerationTicket {
  let request: GenerationRequest
  /// Whether the prompt's last hidden states are wanted and nothing is to be written.
  let onHidden: (@Sendable ([Float]) -> Void)?
  private let handler: @Sendable (GenerationEvent) -> Void
  private let wake: @Sendable () -> Void
  private let state = Mutex(State())

  private struct State {
    var isCancelled = false
    var cancelled: Set<Int> = []
    var backlog = 0
  }

  init(
    _ request: GenerationRequest, onHidden: (@Sendable ([Float]) -> Void)? = nil,
    wake: @escaping @Sendable () -> Void, handler: @escaping @Sendable (GenerationEvent) -> Void
  ) {
    self.request = request
    self.onHidden = onHidden
    self.wake = wake
    self.handler = handler
  }

  func tell(_ event: GenerationEvent) { handler(event) }

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
