import Synchronization

/// What a response needs to know of its connection: whether anybody is there.
final class Connection: Sendable {
  private struct State {
    var isClosed = false
    var action: (@Sendable () -> Void)?
  }
  private let state = Mutex(State())

  /// Does `action` when the client goes; at once where it has gone. Replaces what was asked before.
  func whenClosed(_ action: @escaping @Sendable () -> Void) {
    let isClosed = state.withLock { state in
      state.action = state.isClosed ? nil : action
      return state.isClosed
    }
    if isClosed { action() }
  }

  func forget() { state.withLock { $0.action = nil } }

  func close() {
    let action = state.withLock { state -> (@Sendable () -> Void)? in
      state.isClosed = true
      defer { state.action = nil }
      return state.action
    }
    action?()
  }
}
