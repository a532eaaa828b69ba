import Tensors

extension Checkpoint {
  /// Writes the tensors whose names `isWanted` holds of, in the order of their names, whole and in the types that they
  /// are stored in, to one safetensors file, one tensor at a time. Throws when there is none, or a shard that has
  /// elements of one is damaged; what was at `path` before then stays.
  ///
  /// - Parameter converting: changes the elements of each f32 tensor, given as a vector, before they are written.
  package func writeSafetensors(
    to path: String, where isWanted: (String) -> Bool, converting: ((Tensor) -> Void)? = nil
  ) throws {
    // By name: the manifest's order is that of the ranks.
    let wanted = manifest.tensors.filter { isWanted($0.name) }.sorted { $0.name < $1.name }
    guard !wanted.isEmpty else {
      throw CheckpointFailure(
        self.path, "has none of the tensors to write to \(path) among its \(manifest.tensors.count)")
    }
    let reader = CheckpointReader(self)
    let file = try SafetensorsWriter(path, wanted.map { .init($0.name, $0.type, shape: $0.shape) })
    let device = Device(threads: 1)
    for entry in file.entries {
      if let converting, entry.type == .f32 {
        let elements = try reader.elements(of: entry.name, on: device)
        converting(elements)
        try file.append(elements, as: entry.type)
      } else {
        try reader.append(entry.name, 0..<entry.shape.reduce(1, *), to: file)
      }
    }
    try file.commit()
  }
}

extension CheckpointReader {
  /// All elements of the f32 tensor `name`, row-major.
  fileprivate func elements(of name: String, on device: Device) throws(CheckpointFailure) -> Tensor {
    let entry = try entry(name)
    let elements = Tensor(uninitialized: Shape(entry.shape.reduce(1, *)), on: device)
    if let matrix = TensorPart.matrix(of: entry.shape) {
      try read(ShardedTensor(name, elements, block: matrix, of: entry.shape))
    }
    return elements
  }
}
