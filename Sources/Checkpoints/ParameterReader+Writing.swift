import Files
import Tensors
import Topology

extension ParameterReader {
  /// Writes every tensor of `layout`, made of this reader's parameters, into `directory`, as Hugging Face keeps them:
  /// `model.safetensors`, or shards and their index where there are more bytes than `shardLimit`.
  ///
  /// - Parameters:
  ///   - type: nil: each in the type that it is stored in.
  ///   - progress: is given the bytes written so far, of `byteCount(of:as:)`.
  package func write(
    _ layout: TensorLayout, as type: StoredType? = nil, to directory: String, shardLimit: Int? = nil,
    progress: (Int) -> Void = { _ in }
  ) throws {
    let tensors = Dictionary(layout.tensors.map { ($0.name, $0) }) { first, _ in first }
    let entries = try layout.tensors.map { tensor in
      SafetensorsWriter.Entry(tensor.name, try type ?? storedType(of: tensor), shape: tensor.shape)
    }
    let device = Device(threads: 1)
    var done = 0
    try SafetensorsSet.write(entries, to: directory, shardLimit: shardLimit) { entry, file in
      guard let tensor = tensors[entry.name] else { return }
      try append(tensor, as: entry.type, to: file, on: device) {
        done += $0
        progress(done)
      }
    }
  }

  /// Bytes of all tensors of `layout`.
  package func byteCount(of layout: TensorLayout, as type: StoredType? = nil) throws -> Int {
    var count = 0
    for tensor in layout.tensors {
      count += tensor.shape.reduce(1, *) * (try type ?? storedType(of: tensor)).size
    }
    return count
  }

  /// That of all its parameters, or f32 where they differ.
  private func storedType(of tensor: LaidOutTensor) throws(CheckpointFailure) -> StoredType {
    var types: Set<StoredType> = []
    for piece in tensor.pieces { types.insert(try parameter(piece.parameter).type) }
    return types.count == 1 ? types.first ?? .f32 : .f32
  }

  private func append(
    _ tensor: LaidOutTensor, as type: StoredType, to file: SafetensorsWriter, on device: Device,
    progress: (Int) -> Void
  ) throws {
    for piece in tensor.pieces { try checkFit(piece, of: tensor) }
    func append(_ bytes: [UInt8]) throws {
      try bytes.withUnsafeBytes { try file.append($0) }
      progress(bytes.count)
    }
    let columns = tensor.columns ?? 1
    if tensor.isTransposed {
      // The file's rows are the parameters' columns: of all parameters, as many at a time as fit in memory.
      for chunk in Block(rows: columns, columns: tensor.rows).chunks(of: type) {
        try append(try turned(tensor, columns: chunk.rows, as: type, on: device))
      }
    } else {
      for piece in tensor.pieces {
        for chunk in Block(rows: piece.rows, columns: 0..<columns).chunks(of: type) {
          try append(try bytes(of: piece.parameter, chunk, as: type, on: device))
        }
      }
    }
    for piece in tensor.pieces { release(try parameter(piece.parameter)) }
  }

  /// The file's rows `columns` of a transposed tensor.
  private func turned(
    _ tensor: LaidOutTensor, columns: Range<Int>, as type: StoredType, on device: Device
  ) throws -> [UInt8] {
    var turned = [UInt8](repeating: 0, count: columns.count * tensor.rows * type.size)
    var first = 0
    for piece in tensor.pieces {
      let block = Block(rows: piece.rows, columns: columns)
      let bytes = try bytes(of: piece.parameter, block, as: type, on: device)
      turned.withUnsafeMutableBytes { target in
        bytes.withUnsafeBytes {
          Transposition(rows: block.rows.count, columns: columns.count, elementSize: type.size)
            .copy(
              $0, into: UnsafeMutableRawBufferPointer(rebasing: target[(first * type.size)...]),
              stride: tensor.rows)
        }
      }
      first += block.rows.count
    }
    return turned
  }

  /// `block` of parameter `name`, row-major, in `type`: as it is stored, or converted through f32.
  private func bytes(
    of name: String, _ block: Block, as type: StoredType, on device: Device
  ) throws -> [UInt8] {
    let parameter = try parameter(name)
    let bytes = try bytes(of: parameter, block)
    guard parameter.type != type, let target = type.dtype else { return bytes }
    var converted: [UInt8] = []
    converted.reserveCapacity(block.count * type.size)
    // Of one size each time, so that the device hands out the same memory again.
    let floats = Tensor(uninitialized: Shape(SafetensorsFile.convertedAtOnce), on: device)
    let narrow = Tensor(uninitialized: floats.shape, target, on: device)
    try bytes.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: block.count, by: floats.count) {
        let count = min(floats.count, block.count - start)
        let size = parameter.type.size
        let piece = floats.elements(0..<count, as: Shape(count)),
          result = narrow.elements(0..<count, as: Shape(count))
        SafetensorsFile.copy(
          UnsafeRawBufferPointer(rebasing: bytes[start * size..<(start + count) * size]), parameter.type,
          into: piece)
        if type == .f16 { try checkHalf(piece, of: name) }
        result.convert(from: piece)
        converted.append(contentsOf: result.bytes)
      }
    }
    return converted
  }

  /// Throws where a finite number would become infinite: from halfway between the largest f16, 65504, and 2¹⁶.
  private func checkHalf(_ floats: Tensor, of name: String) throws(CheckpointFailure) {
    if let number = floats.floats.first(where: { $0.isFinite && $0.magnitude >= 65520 }) {
      throw CheckpointFailure(
        source.path,
        "parameter \(name.quotedBriefly) has \(number), and f16 ends at 65504; write bf16 or f32")
    }
  }

  private func checkFit(_ piece: LaidOutTensor.Piece, of tensor: LaidOutTensor) throws(CheckpointFailure) {
    let parameter = try parameter(piece.parameter)
    guard piece.rows.upperBound <= parameter.shape[0], parameter.shape.dropFirst().first == tensor.columns
    else {
      throw CheckpointFailure(
        source.path,
        "parameter \(piece.parameter.quotedBriefly) has shape \(parameter.shape), of which "
          + "\(tensor.name.quotedBriefly) cannot take rows \(piece.rows) of \(tensor.columns ?? 1)")
    }
  }
}

extension Block {
  /// Runs of rows that hold some MiB each, in order.
  func chunks(of type: StoredType) -> [Block] {
    let rowsAtOnce = max(1, ParameterReader.bytesAtOnce / max(1, columns.count * type.size))
    return stride(from: rows.lowerBound, to: rows.upperBound, by: rowsAtOnce).map {
      Block(rows: $0..<min($0 + rowsAtOnce, rows.upperBound), columns: columns)
    }
  }
}
