import Files

extension CheckpointReader {
  /// Writes tensors `names`, whole and in the types that they are stored in, to one safetensors file, some MiB at a
  /// time. Throws when the checkpoint lacks one or a shard is damaged, in which case there is no file.
  package func write(
    _ names: [String], to path: String, metadata: [String: String] = [:]
  ) throws {
    let entries = try names.map { name in
      let entry = try entry(name)
      return SafetensorsWriter.Entry(name, entry.type, shape: entry.shape)
    }
    let file = try SafetensorsWriter(path, entries, metadata: metadata)
    for entry in file.entries {
      try append(entry.name, 0..<entry.shape.reduce(1, *), to: file)
    }
    try file.commit()
  }

  /// Appends elements `range` of tensor `name`, row-major, to a file whose turn they are.
  func append(
    _ name: String, _ range: Range<Int>, to file: SafetensorsWriter, progress: (Int) -> Void = { _ in }
  ) throws {
    let size = try entry(name).type.size
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.bytesAtOnce / size) {
      let bytes = try bytes(of: name, start..<min(start + Self.bytesAtOnce / size, range.upperBound))
      try bytes.withUnsafeBytes { try file.append($0) }
      progress(bytes.count)
    }
  }

  private static let bytesAtOnce = 16 << 20
}
