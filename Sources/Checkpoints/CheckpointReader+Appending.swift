extension CheckpointReader {
  /// Appends elements `range` of tensor `name`, row-major and as they are stored, to a file whose turn they are, some
  /// MiB at a time; `progress` is given the bytes of each.
  func append(
    _ name: String, _ range: Range<Int>, to file: SafetensorsWriter, progress: (Int) -> Void = { _ in }
  ) throws {
    let countAtOnce = Self.bytesAtOnce / (try entry(name).type.size)
    for start in stride(from: range.lowerBound, to: range.upperBound, by: countAtOnce) {
      let bytes = try bytes(of: name, start..<min(start + countAtOnce, range.upperBound))
      try bytes.withUnsafeBytes { try file.append($0) }
      progress(bytes.count)
    }
    release(name)
  }

  private static let bytesAtOnce = 16 << 20
}
