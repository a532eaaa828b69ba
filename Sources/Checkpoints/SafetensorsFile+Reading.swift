import Tensors

extension SafetensorsFile {
  /// Reads tensor `name` into `tensor`, converting between types of floating-point numbers when one of the two
  /// is f32. Throws when there is no such tensor, the shapes differ, or the types do not convert.
  package func read(_ name: String, into tensor: Tensor) throws(CheckpointFailure) {
    let entry = try entry(name)
    let shape = entry.shape.isEmpty ? [1] : entry.shape
    guard shape == tensor.shape.dimensions else {
      throw CheckpointFailure(
        path, "tensor \(name.quotedBriefly) has shape \(entry.shape), expected \(tensor.shape)")
    }
    try read(name, rows: 0..<shape[0], into: tensor)
  }

  /// Reads `rows`, a range of the first dimension of tensor `name`, into `tensor`, which has as many elements.
  package func read(_ name: String, rows: Range<Int>, into tensor: Tensor) throws(CheckpointFailure) {
    let entry = try entry(name)
    let rowCount = entry.shape.first ?? 1
    guard 0 <= rows.lowerBound, rows.upperBound <= rowCount else {
      throw CheckpointFailure(
        path, "tensor \(name.quotedBriefly) has \(rowCount) rows, expected rows \(rows)")
    }
    guard rows.count * (entry.shape.dropFirst().reduce(1, *)) == tensor.count else {
      throw CheckpointFailure(
        path,
        "rows \(rows) of tensor \(name.quotedBriefly), of shape \(entry.shape), cannot fill \(tensor.shape)")
    }
    guard entry.type.converts(to: tensor.dtype) else {
      throw CheckpointFailure(
        path,
        "tensor \(name.quotedBriefly) is stored as \(entry.type.rawValue), which does not convert to \(tensor.dtype)"
      )
    }
    let rowBytes = rowCount == 0 ? 0 : entry.bytes.count / rowCount
    try withBytes(of: entry) { bytes in
      let wanted = bytes[rows.lowerBound * rowBytes..<rows.upperBound * rowBytes]
      Self.copy(UnsafeRawBufferPointer(rebasing: wanted), entry.type, into: tensor)
    }
  }

  /// The elements of tensor `name`, of any type of integer, as an array.
  package func integers(_ name: String) throws(CheckpointFailure) -> [Int] {
    let entry = try entry(name)
    switch entry.type {
    case .bool, .u8: return try integers(name, entry, UInt8.self)
    case .i8: return try integers(name, entry, Int8.self)
    case .i16: return try integers(name, entry, Int16.self)
    case .u16: return try integers(name, entry, UInt16.self)
    case .i32: return try integers(name, entry, Int32.self)
    case .u32: return try integers(name, entry, UInt32.self)
    case .i64: return try integers(name, entry, Int64.self)
    case .u64: return try integers(name, entry, UInt64.self)
    case .f8e5m2, .f8e4m3, .f16, .bf16, .f32, .f64:
      throw CheckpointFailure(
        path, "tensor \(name.quotedBriefly) is stored as \(entry.type.rawValue), expected integers")
    }
  }

  private func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ name: String, _ entry: Entry, _: T.Type
  ) throws(CheckpointFailure) -> [Int] {
    try withBytes(of: entry) { (bytes) throws(CheckpointFailure) in
      var values: [Int] = []
      values.reserveCapacity(bytes.count / MemoryLayout<T>.size)
      for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size) {
        let value = T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
        guard let integer = Int(exactly: value) else {
          throw CheckpointFailure(
            path, "tensor \(name.quotedBriefly) holds \(value), which is too large to read")
        }
        values.append(integer)
      }
      return values
    }
  }

  /// Writes the elements in `bytes`, whose type converts to the tensor's, over `tensor`.
  static func copy(_ bytes: UnsafeRawBufferPointer, _ type: StoredType, into tensor: Tensor) {
    switch (type, tensor.dtype) {
    case (.bf16, .f32): convert(bytes, .bf16, into: tensor)
    case (.f16, .f32): convert(bytes, .f16, into: tensor)
    case (.f32, .bf16), (.f32, .f16): convert(bytes, .f32, into: tensor)
    case (.f64, .f32):
      tensor.bytes.withMemoryRebound(to: Float.self) { floats in
        for index in floats.indices {
          floats[index] = Float(bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self))
        }
      }
    default: tensor.bytes.copyMemory(from: bytes)
    }
  }

  /// Elements that are converted at a time.
  static let convertedAtOnce = 1 << 18

  /// Converts piece by piece through a small aligned tensor, so that no second copy of a large one exists.
  private static func convert(_ bytes: UnsafeRawBufferPointer, _ type: DType, into tensor: Tensor) {
    guard tensor.count > 0 else { return }
    // Of one size each time, so that the device hands out the same memory again.
    let pieceCount = convertedAtOnce
    let piece = Tensor(uninitialized: Shape(pieceCount), type, on: tensor.device)
    for start in stride(from: 0, to: tensor.count, by: pieceCount) {
      let count = min(pieceCount, tensor.count - start)
      let part = piece.elements(0..<count, as: Shape(count))
      part.bytes.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[start * type.size..<(start + count) * type.size]))
      tensor.elements(start..<start + count, as: Shape(count)).convert(from: part)
    }
  }
}
