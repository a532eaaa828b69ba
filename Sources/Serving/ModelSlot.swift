import Synchronization

/// The place of the model, empty until it has been loaded.
package final class ModelSlot: Sendable {
  private enum State {
    case loading
    case ready(ServedModel)
    case failed
  }
  private let state = Mutex(State.loading)

  package init() {}

  package init(_ model: ServedModel) { state.withLock { $0 = .ready(model) } }

  package func set(_ model: ServedModel) { state.withLock { $0 = .ready(model) } }

  /// Says that no model will come.
  package func fail() { state.withLock { $0 = .failed } }

  /// `ok`, `loading` or `failed`, as `/health` says.
  var status: String {
    state.withLock { state in
      switch state {
      case .loading: "loading"
      case .ready: "ok"
      case .failed: "failed"
      }
    }
  }

  package var isReady: Bool { model != nil }

  var model: ServedModel? {
    state.withLock { state in
      if case .ready(let model) = state { model } else { nil }
    }
  }

  func ready() throws(APIError) -> ServedModel {
    guard let model else {
      throw .unavailable(status == "failed" ? "the model could not be loaded" : "the model is still loading")
    }
    return model
  }
}
