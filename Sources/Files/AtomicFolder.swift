#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory written beside its final name and renamed once complete and on the disk, so that nobody sees half of
/// one.
///
/// Dropped without `commit()`, it leaves nothing behind; killed, a hidden `.<name>.partial`, which the next empties and
/// uses. While one process writes it, others are refused.
package final class AtomicFolder {
  package let path: String
  /// Where to write until `commit()`.
  package let partial: String
  private let parent: String
  /// Of `partial`, locked.
  private let descriptor: Int32
  private var isCommitted = false

  /// Makes `.<name>.partial` beside `path`. Throws when there is something at `path`, but an empty directory.
  package init(_ path: String) throws(FileFailure) {
    var plain = path
    while plain.count > 1, plain.hasSuffix("/") { plain.removeLast() }
    let slash = plain.lastIndex(of: "/")
    let name = slash.map { String(plain[plain.index(after: $0)...]) } ?? plain
    guard !name.isEmpty, name != ".", name != ".." else {
      throw FileFailure(path, "cannot be the name of a new directory; name one that does not exist yet")
    }
    self.path = plain
    parent = slash.map { $0 == plain.startIndex ? "/" : String(plain[..<$0]) } ?? "."
    partial = "\(parent)/.\(name).partial"
    guard try Folder.isAbsentOrEmpty(plain) else {
      throw FileFailure(path, "holds something already; name a new directory, or move it away")
    }
    try Folder.create(parent)
    descriptor = try Self.lock(partial, for: path)
  }

  /// Makes the directory `partial`, empty, and locks it: the system gives it free however this process ends.
  private static func lock(_ partial: String, for path: String) throws(FileFailure) -> Int32 {
    while true {
      if let kind = Folder.kind(partial), kind != S_IFDIR { try Folder.remove(partial) }
      try Folder.create(partial)
      let descriptor = open(partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else {
        // Another process was done with it in between.
        if errno == ENOENT { continue }
        throw .current(partial, doing: "open")
      }
      // A file system without locks cannot say who else is there; that must not stop anybody.
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
        close(descriptor)
        throw FileFailure(path, "is being written by another process; wait for it, or name another directory")
      }
      // What was opened may have been renamed or removed before it was locked.
      var opened = stat(), present = stat()
      if fstat(descriptor, &opened) == 0, lstat(partial, &present) == 0, opened.st_ino == present.st_ino {
        do {
          try Folder.empty(partial)
          return descriptor
        } catch {
          close(descriptor)
          throw error
        }
      }
      close(descriptor)
    }
  }

  deinit {
    if !isCommitted { try? Folder.remove(partial) }
    close(descriptor)
  }

  /// Renames into place, as the last act.
  package func commit() throws(FileFailure) {
    try Folder.synchronize(partial)
    guard rename(partial, path) == 0 else { throw .current(path, doing: "rename \(partial) into place") }
    isCommitted = true
    try Folder.synchronize(parent)
  }
}
