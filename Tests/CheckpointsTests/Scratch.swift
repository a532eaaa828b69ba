import FoundationEssentials

/// A directory for one test, gone with it.
final class Scratch: Sendable {
  let path: String

  init() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "checkpoints-\(UUID().uuidString)")
    path = directory.path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: file(name)))
    return file(name)
  }

  /// Every file and directory below, hidden ones too.
  var contents: [String] {
    get throws { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
  }
}

func fixture(_ name: String) -> String {
  let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  return (folder + ["Fixtures", Substring(name)]).joined(separator: "/")
}

func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
