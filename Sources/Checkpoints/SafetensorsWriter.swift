import Files
import Tensors

/// Writes a safetensors file tensor by tensor, so that nothing but what is being written need be in memory.
///
/// Say first what the file will hold, then append the bytes of each entry in the order of `entries`, then
/// commit. Dropped without `commit()`, it leaves nothing behind.
package final class SafetensorsWriter {
  package struct Entry: Sendable, Equatable {
    package let name: String
    package let type: StoredType
    package let shape: [Int]

    package init(_ name: String, _ type: StoredType, shape: [Int]) {
      self.name = name
      self.type = type
      self.shape = shape
    }

    /// Bytes of its elements.
    package var byteCount: Int {
      guard let count = type.byteCount(shape: shape) else {
        preconditionFailure("tensor \(name) of shape \(shape) is larger than memory")
      }
      return count
    }
  }

  /// The order of the data: as given, but larger elements first, so that all are aligned.
  package let entries: [Entry]
  private let file: AtomicFile
  private let end: Int

  /// Opens the file and writes its header, with `metadata` beside the `format: pt` that other readers expect.
  /// Names are distinct.
  package init(
    _ path: String, _ entries: [Entry], metadata: [String: String] = [:]
  ) throws(FileFailure) {
    precondition(Set(entries.map(\.name)).count == entries.count, "two tensors of one name")
    self.entries = StoredType.sizes.flatMap { size in entries.filter { $0.type.size == size } }
    file = try AtomicFile(path)
    let header = Self.header(self.entries, metadata.merging(["format": "pt"]) { given, _ in given })
    try file.write([UInt64(header.utf8.count).littleEndian])
    try file.write(header)
    end = 8 + header.utf8.count + entries.reduce(0) { $0 + $1.byteCount }
  }

  /// Appends `bytes`, the next elements in the order of `entries`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileFailure) { try file.write(bytes) }

  /// Appends the elements of `tensor`, the next of `entries`, converting between f32 and a narrower type.
  package func append(_ tensor: Tensor, as type: StoredType) throws(FileFailure) {
    let tensor = tensor.contiguous
    let target: DType? =
      switch type {
      case _ where StoredType(tensor.dtype) == type: nil
      case .bf16: .bf16
      case .f16: .f16
      case .f32: .f32
      default: preconditionFailure("no conversion from \(tensor.dtype) to \(type)")
      }
    guard let target else { return try append(UnsafeRawBufferPointer(tensor.bytes)) }
    let pieceCount = min(tensor.count, 1 << 18)
    guard pieceCount > 0 else { return }
    let piece = Tensor(uninitialized: Shape(pieceCount), target, on: tensor.device)
    for start in stride(from: 0, to: tensor.count, by: pieceCount) {
      let count = min(pieceCount, tensor.count - start)
      let part = piece.elements(0..<count, as: Shape(count))
      part.convert(from: tensor.elements(start..<start + count, as: Shape(count)))
      try append(UnsafeRawBufferPointer(part.bytes))
    }
  }

  /// Puts the file in place; its size and checksum.
  @discardableResult package func commit() throws(FileFailure) -> (byteCount: Int, checksum: Checksum) {
    precondition(file.count == end, "\(file.count) bytes appended, the entries need \(end)")
    try file.commit()
    return (file.count, file.checksum)
  }

  /// Writes `tensors` to `path`, each as `type` when it is given and the tensor's is not integer.
  package static func write(
    _ path: String, _ tensors: [NamedTensor], as type: StoredType? = nil, metadata: [String: String] = [:]
  ) throws(FileFailure) {
    var named: [String: Tensor] = [:]
    var entries: [Entry] = []
    for item in tensors {
      named[item.name] = item.tensor
      let isFloat = item.tensor.dtype != .i32 && item.tensor.dtype != .u8
      let stored = isFloat ? type ?? StoredType(item.tensor.dtype) : StoredType(item.tensor.dtype)
      entries.append(Entry(item.name, stored, shape: item.tensor.shape.dimensions))
    }
    let writer = try SafetensorsWriter(path, entries, metadata: metadata)
    for entry in writer.entries {
      if let tensor = named[entry.name] { try writer.append(tensor, as: entry.type) }
    }
    try writer.commit()
  }

  /// The JSON, padded with spaces so that the data begins at a multiple of 8.
  private static func header(_ entries: [Entry], _ metadata: [String: String]) -> String {
    let pairs = metadata.sorted { $0.key < $1.key }.map { "\(json($0.key)):\(json($0.value))" }
    var members = ["\"__metadata__\":{\(pairs.joined(separator: ","))}"]
    var offset = 0
    for entry in entries {
      let end = offset + entry.byteCount
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(json(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    let text = "{" + members.joined(separator: ",") + "}"
    return text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
  }

  private static func json(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension StoredType {
  /// From the largest element to the smallest.
  fileprivate static let sizes = [8, 4, 2, 1]
}
