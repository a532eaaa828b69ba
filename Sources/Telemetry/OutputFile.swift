#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that only grows: every `write` is one call to the system, so that a killed process loses
/// nothing it reported.
final class OutputFile {
  let path: String
  private let descriptor: Int32

  /// Opens `path` for appending, or empties it first.
  init(_ path: String, emptied: Bool) throws(TelemetryFailure) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (emptied ? O_TRUNC : 0), 0o644)
    guard descriptor >= 0 else { throw .current(path, doing: "open for writing") }
  }

  deinit { close(descriptor) }

  func write(_ bytes: [UInt8]) throws(TelemetryFailure) {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]))
      }
      guard written >= 0 else {
        if errno == EINTR { continue }
        throw .current(path, doing: "write")
      }
      done += written
    }
  }

  /// Up to `count` bytes from `offset`; empty at the end.
  func read(_ count: Int, from offset: Int) throws(TelemetryFailure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = pread(descriptor, &bytes, count, off_t(offset))
    guard got >= 0 else { throw .current(path, doing: "read") }
    bytes.removeLast(count - got)
    return bytes
  }

  /// Cuts the file at `size`, in one step.
  func truncate(to size: Int) throws(TelemetryFailure) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw .current(path, doing: "shorten") }
  }

  /// Writes `bytes` beside `path` and renames, so that a reader sees a whole file or none.
  static func replace(_ path: String, with bytes: [UInt8]) throws(TelemetryFailure) {
    let temporary = "\(path).partial-\(getpid())"
    do {
      try OutputFile(temporary, emptied: true).write(bytes)
    } catch {
      unlink(temporary)
      throw TelemetryFailure(path, error.reason)
    }
    guard rename(temporary, path) == 0 else {
      let failure = TelemetryFailure.current(path, doing: "rename into place")
      unlink(temporary)
      throw failure
    }
  }
}

/// One `write(2)`: the name is taken inside types that have a `write` of their own.
func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, bytes.count)
}
