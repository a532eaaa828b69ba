import Files

/// Where a rank writes its shards of a checkpoint, and what it calls them.
struct ShardFiles {
  /// The directory.
  let path: String
  let step: Int
  /// Before `shard-00001.safetensors`.
  var prefix = ""
  /// Bytes of data in a shard.
  let limit: Int

  /// Writes `tensors`; what the manifest says of them. `append` appends to a file the elements of the tensor of that
  /// index that are in a range of its block.
  func write(
    _ tensors: [StoredTensor], append: (SafetensorsWriter, Int, Range<Int>) throws -> Void
  ) throws -> (entries: [Manifest.Entry], files: [Manifest.File]) {
    var slices = [[Manifest.Slice]](repeating: [], count: tensors.count)
    var files: [Manifest.File] = []
    for pieces in ShardPlan(tensors, limit: limit).shards {
      let name = "\(prefix)shard-\(Self.number(files.count + 1)).safetensors"
      var pieceNamed: [String: ShardPlan.Piece] = [:]
      var header: [SafetensorsWriter.Entry] = []
      for piece in pieces {
        let tensor = tensors[piece.tensor]
        let part = TensorPart(tensor.part.block, piece.range)
        header.append(.init(tensor.name, tensor.type, shape: part.storedShape(in: tensor.shape)))
        pieceNamed[tensor.name] = piece
        slices[piece.tensor].append(.init(shard: name, part: part))
      }
      let writer = try SafetensorsWriter("\(path)/\(name)", header, metadata: ["step": String(step)])
      for entry in writer.entries {
        if let piece = pieceNamed[entry.name] { try append(writer, piece.tensor, piece.range) }
      }
      let written = try writer.commit()
      files.append(.init(name: name, bytes: written.byteCount, crc32: written.checksum.hexadecimal))
    }
    let entries = zip(tensors, slices).map {
      Manifest.Entry(name: $0.name, type: $0.type, shape: $0.shape, slices: $1)
    }
    return (try Manifest.joined(entries, path: path), files)
  }

  /// Writes a file of the run's state.
  static func writeState(_ name: String, _ text: String, to path: String) throws -> Manifest.File {
    precondition(Manifest.isPlain(name), "\(name) cannot be the name of a file in a checkpoint")
    let file = try AtomicFile("\(path)/\(name)")
    try file.write(text)
    try file.commit()
    return Manifest.File(name: name, bytes: file.count, crc32: file.checksum.hexadecimal)
  }

  /// Five digits and more.
  static func number(_ value: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}

extension Manifest {
  /// One entry for each name, with the slices of all of that name. Throws when they are not parts of one tensor.
  static func joined(_ entries: [Entry], path: String) throws(CheckpointFailure) -> [Entry] {
    var joined: [Entry] = []
    var indices: [String: Int] = [:]
    for entry in entries {
      guard let index = indices[entry.name] else {
        indices[entry.name] = joined.count
        joined.append(entry)
        continue
      }
      let first = joined[index]
      guard first.type == entry.type, first.shape == entry.shape else {
        throw CheckpointFailure(
          path,
          "has tensor \(entry.name.quotedBriefly) as \(first.type.rawValue) \(first.shape) from one rank and "
            + "\(entry.type.rawValue) \(entry.shape) from another; do all have the same recipe?")
      }
      joined[index].slices += entry.slices
    }
    return joined
  }
}
