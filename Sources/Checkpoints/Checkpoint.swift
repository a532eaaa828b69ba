import Files

/// One complete checkpoint: shards of tensors, files of state, and the manifest that vouches for them.
package struct Checkpoint: Sendable {
  /// Its directory.
  package let path: String
  package let manifest: Manifest

  package var step: Int { manifest.step }

  /// Opens the checkpoint in directory `path`: reads and checks its manifest.
  package init(_ path: String) throws(CheckpointFailure) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = path
    manifest = try Manifest(directory: path)
  }

  /// Reads the file of state `name`, verified.
  package func state(_ name: String) throws(CheckpointFailure) -> String {
    guard let file = manifest.state.first(where: { $0.name == name }) else {
      let names = manifest.state.map(\.name).joined(separator: ", ")
      throw CheckpointFailure(path, "has no state \(name.quotedBriefly), only [\(names)]")
    }
    let map = try offeringPrevious { () throws(CheckpointFailure) in try open(file) }
    guard let text = withExtendedLifetime(map, { String(validating: map.contents, as: UTF8.self) }) else {
      throw CheckpointFailure(map.path, "is not UTF-8")
    }
    return text
  }

  /// Reads every file and throws the first that is not as it was written.
  package func verify() throws(CheckpointFailure) {
    for file in manifest.shards + manifest.state { _ = try open(file) }
  }

  /// Maps a file that must have the size and checksum of its entry in the manifest.
  func open(_ file: Manifest.File) throws(CheckpointFailure) -> MappedFile {
    let map: MappedFile
    do { map = try MappedFile("\(path)/\(file.name)") } catch { throw CheckpointFailure(error) }
    guard map.count == file.bytes else {
      let kind = map.count < file.bytes ? "truncated" : "damaged"
      throw CheckpointFailure(
        map.path, "the file is \(kind): it has \(map.count) bytes, expected \(file.bytes)")
    }
    let checksum = withExtendedLifetime(map) { Checksum(of: map.bytes).hexadecimal }
    guard checksum == file.crc32 else {
      throw CheckpointFailure(
        map.path, "the file is damaged: its checksum is \(checksum), expected \(file.crc32)")
    }
    return map
  }

  /// Runs `body`; to a failure it adds which earlier checkpoint is good to go on from.
  func offeringPrevious<T>(
    _ body: () throws(CheckpointFailure) -> T
  ) throws(CheckpointFailure) -> T {
    do throws(CheckpointFailure) { return try body() } catch {
      let root = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
        separator: "/")
      let store = CheckpointStore(root.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : root)
      let advice =
        store.latestIntact(before: step).map {
          "the newest good checkpoint before it is \($0.path): to go on from there, move the damaged one away"
        }
        ?? "there is no good checkpoint before it"
      throw CheckpointFailure(error.path, "\(error.reason); \(advice)")
    }
  }
}
