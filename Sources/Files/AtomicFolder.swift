#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory written beside its final name and renamed once complete and on the disk, so that nobody sees half of
/// one.
///
/// Dropped without `commit()`, it leaves nothing behind; killed, a hidden `.<name>.partial`, which the next removes.
package final class AtomicFolder {
  package let path: String
  /// Where to write until `commit()`.
  package let partial: String
  private let parent: String
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
    try Folder.remove(partial)
    try Folder.create(partial)
  }

  deinit { if !isCommitted { try? Folder.remove(partial) } }

  /// Renames into place, as the last act.
  package func commit() throws(FileFailure) {
    try Folder.synchronize(partial)
    guard rename(partial, path) == 0 else { throw .current(path, doing: "rename \(partial) into place") }
    isCommitted = true
    try Folder.synchronize(parent)
  }
}
