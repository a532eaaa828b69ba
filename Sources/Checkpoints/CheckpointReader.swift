import Files
import Tensors

/// Reads tensors of a checkpoint, from whichever shards have parts of them.
///
/// A shard is mapped and verified once, when something of it is first asked for.
package final class CheckpointReader {
  package let checkpoint: Checkpoint
  private(set) var shards: [String: SafetensorsFile] = [:]
  let entries: [String: Manifest.Entry]
  private let files: [String: Manifest.File]

  package init(_ checkpoint: Checkpoint) {
    self.checkpoint = checkpoint
    entries = Dictionary(checkpoint.manifest.tensors.map { ($0.name, $0) }) { first, _ in first }
    files = Dictionary(checkpoint.manifest.shards.map { ($0.name, $0) }) { first, _ in first }
  }

  /// The manifest's entry of tensor `name`. Throws when there is none.
  package func entry(_ name: String) throws(CheckpointFailure) -> Manifest.Entry {
    guard let entry = entries[name] else {
      throw CheckpointFailure(
        checkpoint.path, "has no tensor \(name.quotedBriefly) among its \(entries.count)")
    }
    return entry
  }

  /// All elements of tensor `name`, row-major, in the type that they are stored in; `range`: a run of them.
  package func bytes(of name: String, _ range: Range<Int>? = nil) throws(CheckpointFailure) -> [UInt8] {
    let entry = try entry(name)
    guard let matrix = TensorPart.matrix(of: entry.shape) else { return [] }
    let part = TensorPart(matrix, range)
    let size = entry.type.size
    var bytes = [UInt8](repeating: 0, count: part.count * size)
    try forEachRun(of: entry, in: part) { run, start in
      bytes.withUnsafeMutableBytes { $0[(start * size)...].copyBytes(from: run) }
    }
    return bytes
  }

  /// Fills `target`. Throws when the checkpoint lacks it, or has it in another shape or a type that does not convert.
  package func read(_ target: ShardedTensor) throws(CheckpointFailure) {
    let entry = try entry(target.name)
    if let misfit = entry.misfit(target) { throw CheckpointFailure(checkpoint.path, "tensor \(misfit)") }
    try forEachRun(of: entry, in: target.part) { run, start in
      let count = run.count / entry.type.size
      SafetensorsFile.copy(
        run, entry.type, into: target.tensor.elements(start..<start + count, as: Shape(count)))
    }
    release(target.name)
  }

  /// Maps and verifies every shard that has elements of `target`.
  func open(_ target: ShardedTensor) throws(CheckpointFailure) {
    let entry = try entry(target.name)
    for slice in entry.slices where slice.part.overlaps(target.part) { _ = try shard(of: slice, entry) }
  }

  /// Calls `body` with the elements that each slice has of `part`, and where in `part` they begin.
  ///
  /// `body` cannot throw: release builds of Swift 6.3 return a wild error from closures that throw a type through each
  /// other here.
  func forEachRun(
    of entry: Manifest.Entry, in part: TensorPart, _ body: (UnsafeRawBufferPointer, Int) -> Void
  ) throws(CheckpointFailure) {
    let size = entry.type.size
    for slice in entry.slices where slice.part.overlaps(part) {
      let shard = try shard(of: slice, entry)
      try shard.withBytes(of: try shard.entry(entry.name)) { bytes in
        slice.part.forEachRun(sharedWith: part) { start, target, count in
          body(UnsafeRawBufferPointer(rebasing: bytes[start * size..<(start + count) * size]), target)
        }
      }
    }
  }

  /// The shard of `slice`, in which the tensor is what the manifest says.
  private func shard(
    of slice: Manifest.Slice, _ tensor: Manifest.Entry
  ) throws(CheckpointFailure) -> SafetensorsFile {
    let shard = try shard(slice.shard)
    try shard.check(slice, of: tensor)
    return shard
  }

  private func shard(_ name: String) throws(CheckpointFailure) -> SafetensorsFile {
    if let shard = shards[name] { return shard }
    guard let file = files[name] else {
      throw CheckpointFailure(checkpoint.path, "has no shard \(name.quotedBriefly)")
    }
    let shard = try SafetensorsFile(try checkpoint.open(file))
    shards[name] = shard
    return shard
  }
}

extension SafetensorsFile {
  /// Throws unless the file has what the manifest says it has of `tensor`.
  func check(_ slice: Manifest.Slice, of tensor: Manifest.Entry) throws(CheckpointFailure) {
    let entry = try entry(tensor.name)
    let shape = slice.part.storedShape(in: tensor.shape)
    guard entry.type == tensor.type, entry.shape == shape else {
      throw CheckpointFailure(
        path,
        "tensor \(tensor.name.quotedBriefly) is \(entry.type.rawValue) \(entry.shape), the manifest says "
          + "\(tensor.type.rawValue) \(shape)")
    }
  }
}

extension Manifest.Entry {
  /// Why `target` cannot be filled from this tensor; nil when it can.
  func misfit(_ target: ShardedTensor) -> String? {
    shape == target.shape && type.converts(to: target.tensor.dtype)
      ? nil
      : "\(name) is \(type.rawValue) \(shape), expected \(StoredType(target.tensor.dtype).rawValue) \(target.shape)"
  }
}
