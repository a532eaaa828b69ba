#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file written beside its final name and renamed once complete and on the disk, so that a reader
/// sees the old file or the new one and never half of one.
///
/// Dropped without `commit()`, it leaves nothing behind.
package final class AtomicFile {
  package let path: String
  /// CRC-32 of everything written so far.
  package private(set) var checksum = Checksum()
  /// Bytes written so far.
  package private(set) var count = 0

  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private static let bufferLimit = 1 << 20

  /// Opens `<path>.partial-<pid>` for writing.
  package init(_ path: String) throws(FileFailure) {
    self.path = path
    temporaryPath = "\(path).partial-\(getpid())"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .current(path, doing: "create") }
    buffer.reserveCapacity(Self.bufferLimit)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Appends `bytes`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    checksum.update(bytes)
    count += bytes.count
    if buffer.count + bytes.count > Self.bufferLimit { try flush() }
    if bytes.count >= Self.bufferLimit {
      try writeThrough(bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Appends the memory of `values`: little-endian, the byte order of every machine this runs on.
  package func write<T: BitwiseCopyable>(_ values: [T]) throws(FileFailure) {
    try values.withUnsafeBufferPointer { (elements) throws(FileFailure) in
      try write(UnsafeRawBufferPointer(elements))
    }
  }

  package func write(_ text: String) throws(FileFailure) { try write(Array(text.utf8)) }

  /// Puts everything written so far on the disk, still under the temporary name: after it, `commit()`
  /// can hardly fail, which lets several files appear together.
  package func synchronize() throws(FileFailure) {
    try flush()
    guard fsync(descriptor) == 0 else { throw .current(path, doing: "flush to the disk") }
  }

  /// Flushes to the disk and renames into place.
  package func commit() throws(FileFailure) {
    try synchronize()
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else {
      let failure = FileFailure.current(path, doing: "close")
      unlink(temporaryPath)
      throw failure
    }
    guard rename(temporaryPath, path) == 0 else {
      let failure = FileFailure.current(path, doing: "rename into place")
      unlink(temporaryPath)
      throw failure
    }
  }

  private func flush() throws(FileFailure) {
    guard !buffer.isEmpty else { return }
    try buffer.withUnsafeBufferPointer { (bytes) throws(FileFailure) in
      try writeThrough(UnsafeRawBufferPointer(bytes))
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      #if canImport(Glibc)
        let written = Glibc.write(descriptor, base + done, bytes.count - done)
      #else
        let written = Darwin.write(descriptor, base + done, bytes.count - done)
      #endif
      if written < 0 {
        if errno == EINTR { continue }
        throw .current(path, doing: "write")
      }
      done += written
    }
  }
}
