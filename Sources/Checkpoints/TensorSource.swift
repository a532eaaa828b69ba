/// Tensors by name, of which any run of elements can be read: files of safetensors, or a checkpoint of many ranks.
package protocol TensorSource {
  /// The file or directory, for messages.
  var path: String { get }
  /// What there is, by name.
  var tensors: [String: TensorForm] { get }
  /// Copies elements `range`, row-major and as they are stored, of tensor `name` to the beginning of `target`. Throws
  /// when there is no such tensor or what holds it is damaged.
  func read(
    _ name: String, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointFailure)
  /// Says that tensor `name` has been read, and need not stay in memory.
  func release(_ name: String)
}

/// What a stored tensor is, but for its elements.
package struct TensorForm: Sendable, Equatable, CustomStringConvertible {
  package let type: StoredType
  package let shape: [Int]

  package init(_ type: StoredType, _ shape: [Int]) {
    self.type = type
    self.shape = shape
  }

  /// The shape is a stored tensor's, so its elements can be counted.
  package var count: Int { shape.reduce(1, *) }
  package var byteCount: Int { count * type.size }
  package var description: String { "\(type.rawValue) \(shape)" }
}

extension CheckpointReader: TensorSource {
  package var path: String { checkpoint.path }

  package var tensors: [String: TensorForm] {
    Dictionary(checkpoint.manifest.tensors.map { ($0.name, TensorForm($0.type, $0.shape)) }) { first, _ in
      first
    }
  }

  package func read(
    _ name: String, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointFailure) {
    let entry = try entry(name)
    guard let matrix = TensorPart.matrix(of: entry.shape) else { return }
    try forEachRun(of: entry, in: TensorPart(matrix, range)) { run, start in
      UnsafeMutableRawBufferPointer(rebasing: target[(start * entry.type.size)...]).copyMemory(from: run)
    }
  }

  package func release(_ name: String) {
    for slice in entries[name]?.slices ?? [] { shards[slice.shard]?.release(name) }
  }
}
