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
