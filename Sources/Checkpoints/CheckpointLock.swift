import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The right to write to a directory of checkpoints, held by one process at a time and given back by the
/// system however that process ends.
final class CheckpointLock: Sendable {
  private let descriptor: Int32

  init(_ root: String) throws(FileFailure) {
    let path = "\(root)/.lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .current(path, doing: "create") }
    // A file system without locks cannot say who else is there; that must not stop a run.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      close(descriptor)
      throw FileFailure(
        root, "another run is writing its checkpoints here; stop it first or give this one another directory")
    }
  }

  deinit { close(descriptor) }
}
