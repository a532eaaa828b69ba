import Files
import Tensors

/// Writes checkpoints into a directory that it alone may write to.
///
/// A checkpoint is written beside its name, flushed to the disk and renamed as the last act: whenever the
/// process dies, every checkpoint that has a name is complete.
package final class CheckpointWriter: Sendable {
  package let root: String
  private let keep: KeepPolicy
  private let shardLimit: Int
  private let directory: CheckpointDirectory
  private let lock: CheckpointLock

  /// Makes the directory where there is none and removes what a killed run left half-written. Throws when it
  /// cannot, or when another run writes there.
  ///
  /// - Parameter shardLimit: bytes of data in a shard.
  package init(_ root: String, keep: KeepPolicy = KeepPolicy(), shardLimit: Int = 4 << 30) throws {
    self.root = root
    self.keep = keep
    self.shardLimit = shardLimit
    directory = CheckpointDirectory(root: root)
    try directory.create()
    lock = try CheckpointLock(root)
    try directory.recover()
  }

  /// Writes the checkpoint of `step`, replacing one of the same step, and removes those that the policy does
  /// not keep. Returns its path. When it throws, nothing of it remains.
  ///
  /// - Parameter state: the run's state as small texts, by plain file names such as `run.json`.
  @discardableResult
  package func write(step: Int, tensors: [NamedTensor], state: [String: String] = [:]) throws -> String {
    let contiguous = tensors.map { NamedTensor($0.name, $0.tensor.contiguous) }
    return try withExtendedLifetime(contiguous) {
      try write(
        step: step,
        contiguous.map { item in
          StoredTensor(
            name: item.name, type: StoredType(item.tensor.dtype), shape: item.tensor.shape.dimensions,
            bytes: UnsafeRawBufferPointer(item.tensor.bytes))
        }, state: state)
    }
  }

  /// Removes the checkpoints of steps after `step`: those of a run that went another way.
  package func discard(after step: Int) throws {
    for later in try directory.steps() where later > step { try directory.delete(step: later) }
  }

  func write(step: Int, _ tensors: [StoredTensor], state: [String: String]) throws -> String {
    let partial = try directory.begin(step: step)
    do {
      let shards = try writeShards(tensors, step: step, to: partial)
      let files = try state.sorted { $0.key < $1.key }.map { try writeState($0.key, $0.value, to: partial) }
      let manifest = Manifest(step: step, tensors: shards.entries, shards: shards.files, state: files)
      try manifest.check(path: partial)
      try manifest.write(to: partial)
      try directory.commit(step: step)
    } catch {
      // The first failure is the one to report.
      try? directory.remove(partial)
      throw error
    }
    // A damaged one neither counts nor goes: somebody may want to look at it.
    let sound = try CheckpointStore(root).scan().checkpoints.map(\.step)
    for old in keep.superseded(sound, written: step) { try directory.delete(step: old) }
    return directory.path(step: step)
  }

  private func writeShards(
    _ tensors: [StoredTensor], step: Int, to path: String
  ) throws -> (entries: [Manifest.Entry], files: [Manifest.File]) {
    var entries = tensors.map { Manifest.Entry(name: $0.name, type: $0.type, shape: $0.shape, slices: []) }
    var files: [Manifest.File] = []
    for pieces in ShardPlan(tensors, limit: shardLimit).shards {
      let number = String(files.count + 1)
      let name = "shard-" + String(repeating: "0", count: max(0, 5 - number.count)) + number + ".safetensors"
      var data: [String: UnsafeRawBufferPointer] = [:]
      var header: [SafetensorsWriter.Entry] = []
      for piece in pieces {
        let tensor = tensors[piece.tensor]
        header.append(.init(tensor.name, tensor.type, shape: [piece.rows.count] + tensor.shape.dropFirst()))
        data[tensor.name] = tensor.bytes(rows: piece.rows)
        entries[piece.tensor].slices.append(
          .init(shard: name, begin: piece.rows.lowerBound, end: piece.rows.upperBound))
      }
      let writer = try SafetensorsWriter("\(path)/\(name)", header, metadata: ["step": String(step)])
      for entry in writer.entries {
        if let bytes = data[entry.name] { try writer.append(bytes) }
      }
      let written = try writer.commit()
      files.append(.init(name: name, bytes: written.byteCount, crc32: written.checksum.hexadecimal))
    }
    return (entries, files)
  }

  private func writeState(_ name: String, _ text: String, to path: String) throws -> Manifest.File {
    precondition(Manifest.isPlain(name), "\(name) cannot be the name of a file in a checkpoint")
    let file = try AtomicFile("\(path)/\(name)")
    try file.write(text)
    try file.commit()
    return Manifest.File(name: name, bytes: file.count, crc32: file.checksum.hexadecimal)
  }
}
