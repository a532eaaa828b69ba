import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A directory that something is written into.
package enum Folder {
  /// Makes the directory `path` and those it stands in, where they are missing. Throws when one of the names
  /// is a file's, or may not be made.
  package static func create(_ path: String) throws(FileFailure) {
    for end in path.indices.dropFirst() where path[end] == "/" { try createOne(String(path[..<end])) }
    try createOne(path)
  }

  /// Makes the directory that the file `path` stands in.
  package static func createParent(of path: String) throws(FileFailure) {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try create(String(path[..<slash])) }
  }

  /// The kind of what is at `path` (`S_IFDIR`, …), a link's own; nil where there is nothing.
  static func kind(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// Whether a new directory may take the place of what is at `path`.
  package static func isAbsentOrEmpty(_ path: String) throws(FileFailure) -> Bool {
    guard let kind = kind(path) else { return true }
    guard kind != S_IFLNK else {
      throw FileFailure(
        path, "is a symbolic link, expected a directory or a free name; name where it leads to")
    }
    do { return try FileManager.default.contentsOfDirectory(atPath: path).isEmpty } catch {
      throw FileFailure(path, "expected a directory one may read, or a free name; name another place")
    }
  }

  /// Removes what is at `path`, if anything, with all it holds.
  package static func remove(_ path: String) throws(FileFailure) {
    guard kind(path) != nil else { return }
    do { try FileManager.default.removeItem(atPath: path) } catch {
      throw FileFailure(path, "cannot remove this; check its permissions")
    }
  }

  /// Removes all that the directory `path` holds.
  static func empty(_ path: String) throws(FileFailure) {
    for name in try names(in: path) { try remove("\(path)/\(name)") }
  }

  /// What the directory `path` holds, in no order.
  package static func names(in path: String) throws(FileFailure) -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw FileFailure(path, "cannot read this directory; check its permissions")
    }
  }

  /// Puts the names that the directory `path` holds on the disk.
  package static func synchronize(_ path: String) throws(FileFailure) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .current(path, doing: "open") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .current(path, doing: "flush to the disk") }
  }

  private static func createOne(_ path: String) throws(FileFailure) {
    guard mkdir(path, 0o755) != 0 else { return }
    let code = errno
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .current(path, doing: "make this directory", code: code)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw FileFailure(path, "expected a directory or a free name, found a file; name another place")
    }
  }
}
