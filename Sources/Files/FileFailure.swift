import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What went wrong with a file, in one sentence that a user can act on.
package struct FileFailure: Error, CustomStringConvertible, Equatable {
  package let path: String
  package let reason: String

  package init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  /// The failure behind the calling thread's `errno`.
  package static func current(_ path: String, doing action: String, code: Int32 = errno) -> FileFailure {
    let hint =
      switch code {
      case ENOENT: "no such file or directory; check the path"
      case ENOSPC: "the disk is full; free some space and run the command again, nothing was lost"
      case EACCES: "permission denied"
      default: String(cString: strerror(code))
      }
    return FileFailure(path, "cannot \(action): \(hint)")
  }

  package var description: String { "\(path): \(reason)" }
}
