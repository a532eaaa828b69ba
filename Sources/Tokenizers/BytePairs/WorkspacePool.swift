import Synchronization

/// What one thread needs while it encodes.
struct Workspace: Sendable {
  var cache = WordCache()
  var merging = MergeWorkspace()
}

/// Workspaces that wait for their next text, so that many short texts share what the cache has learnt.
final class WorkspacePool: Sendable {
  private let idle = Mutex<[Workspace]>([])

  func take() -> Workspace { idle.withLock { $0.popLast() } ?? Workspace() }

  func give(_ workspace: Workspace) {
    idle.withLock { $0.append(workspace) }
  }
}
