import Files

/// One complete checkpoint: shards of tensors, files of state, and the manifest that vouches for them.
package struct Checkpoint: Sendable {
  /// Its directory.
  package let path: String
  package let manifest: Manifest

  package var step: Int { manifest.step }

  /// Opens the checkpoint in directory `path`: reads and checks its manifest.
  package init(_ path: String) throws(CheckpointFailure) {
    self.path = Self.plain(path)
    manifest = try Manifest(directory: self.path)
  }

  /// Whether there is one at `path`, sound or not.
  package static func exists(_ path: String) -> Bool {
    let directory = CheckpointDirectory(root: plain(path))
    return CheckpointDirectory.step(ofName: split(directory.root).name) != nil
      && directory.exists(directory.root)
      || directory.exists("\(directory.root)/\(Manifest.fileName)")
  }

  /// A path without slashes at its end.
  static func plain(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  /// The directory that a plain path stands in, and its name there.
  static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (
      slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...])
    )
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

  /// Reads every file; what is wrong with each that is not as it was written, or is not what the manifest says.
  ///
  /// - Parameter progress: is given the bytes read so far.
  package func damages(progress: (Int) -> Void = { _ in }) -> [CheckpointFailure] {
    var slices: [String: [(slice: Manifest.Slice, tensor: Manifest.Entry)]] = [:]
    for tensor in manifest.tensors {
      for slice in tensor.slices { slices[slice.shard, default: []].append((slice, tensor)) }
    }
    var damages: [CheckpointFailure] = []
    var read = 0
    for file in manifest.shards + manifest.state {
      do throws(CheckpointFailure) {
        let map = try open(file)
        if let slices = slices[file.name] {
          let shard = try SafetensorsFile(map)
          for item in slices { try shard.check(item.slice, of: item.tensor) }
        }
      } catch { damages.append(error) }
      read += file.bytes
      progress(read)
    }
    return damages
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
    let checksum = map.checksum.hexadecimal
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
      let store = CheckpointStore(Self.split(path).directory)
      let advice =
        store.latestIntact(before: step).map {
          "the newest good checkpoint before it is \($0.path): to go on from there, move the damaged one away"
        }
        ?? "there is no good checkpoint before it"
      throw CheckpointFailure(error.path, "\(error.reason); \(advice)")
    }
  }
}
