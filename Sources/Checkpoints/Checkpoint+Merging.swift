import Files

extension Checkpoint {
  /// Writes the checkpoint at `path` that one rank would have written, some MiB at a time. Throws, and leaves nothing
  /// there, when there is something already or a file of this one is damaged.
  ///
  /// - Parameters:
  ///   - shardLimit: bytes of data in a shard.
  ///   - progress: is given the bytes of tensors written so far, of `manifest.tensorBytes`.
  @discardableResult
  package func merge(
    into path: String, shardLimit: Int = 4 << 30, progress: (Int) -> Void = { _ in }
  ) throws -> Checkpoint {
    let target = Checkpoint.plain(path)
    let (root, name) = Checkpoint.split(target)
    let directory = CheckpointDirectory(root: root)
    guard !directory.exists(target) else {
      throw CheckpointFailure(target, "is there already; name a new place, or move it away")
    }
    try directory.create()
    let partial = "\(root)/.\(name).partial"
    try directory.remove(partial)
    do {
      try Folder.create(partial)
      try writeMerged(to: partial, shardLimit: shardLimit, progress: progress)
      try directory.synchronize(partial)
      try directory.move(partial, to: target)
      try directory.synchronize(root)
    } catch {
      try? directory.remove(partial)
      throw error
    }
    return try Checkpoint(target)
  }

  private func writeMerged(to path: String, shardLimit: Int, progress: (Int) -> Void) throws {
    let reader = CheckpointReader(self)
    let tensors = manifest.tensors.compactMap { entry in
      TensorPart.matrix(of: entry.shape).map {
        StoredTensor(name: entry.name, type: entry.type, shape: entry.shape, part: TensorPart($0))
      }
    }
    var done = 0
    let shards = try ShardFiles(path: path, step: step, limit: shardLimit).write(tensors) {
      file, index, range in
      try reader.append(tensors[index].name, range, to: file) {
        done += $0
        progress(done)
      }
    }
    let files = try manifest.state.map { try ShardFiles.writeState($0.name, try state($0.name), to: path) }
    let merged = Manifest(step: step, tensors: shards.entries, shards: shards.files, state: files)
    try merged.check(path: path)
    try merged.write(to: path)
  }
}
