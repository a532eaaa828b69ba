import Synchronization

/// What one thread needs while it encodes.
struct Workspace: Sendable {
  var cache = WordCache()
  var merging = MergeWorkspace()
}

/// Workspaces that wait for their next text, so that many short texts share what the cache has learnt.
final class WorkspacePool<Space: Sendable>: Sendable {
  private let idle = Mutex<[Space]>([])
  private let make: @Sendable () -> Space

  init(_ make: @escaping @Sendable () -> Space) { self.make = make }

  func take() -> Space { idle.withLock { $0.popLast() } ?? make() }

  func give(_ space: Space) { idle.withLock { $0.append(space) } }
}
