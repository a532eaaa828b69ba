#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file of measurements that cannot be written, in one sentence.
package struct TelemetryFailure: Error, CustomStringConvertible, Equatable {
  package let path: String
  package let reason: String

  init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  /// The failure behind the calling thread's `errno`.
  static func current(_ path: String, doing action: String, code: Int32 = errno) -> TelemetryFailure {
    let hint =
      switch code {
      case ENOENT: "no such directory; create it or check the path"
      case ENOSPC: "the disk is full; free some space"
      case EACCES: "permission denied"
      default: String(cString: strerror(code))
      }
    return TelemetryFailure(path, "cannot \(action): \(hint)")
  }

  package var description: String { "\(path): \(reason)" }
}
