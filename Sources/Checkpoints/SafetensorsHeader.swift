/// What the front of a safetensors file says: which tensors lie where in the data behind it.
///
/// The format: a little-endian u64 length, that many bytes of JSON, then the data, without holes.
/// Source: https://huggingface.co/docs/safetensors
struct SafetensorsHeader {
  /// A tensor, with its bytes counted from the beginning of the data.
  struct Entry: Equatable {
    let name: String
    let type: StoredType
    let shape: [Int]
    let bytes: Range<Int>
  }

  /// What every other reader of the format accepts, too.
  static let limit = 100_000_000

  /// In the order of their bytes.
  let entries: [Entry]
  let metadata: [String: String]
  /// Where the data begins in the file.
  let dataStart: Int

  /// Reads and checks the header of the file `bytes`, so that every entry lies within it.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointFailure) {
    guard bytes.count >= 8 else {
      throw CheckpointFailure(
        path, "the file has \(bytes.count) bytes, fewer than the 8 of a safetensors header; copy it again")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= Self.limit else {
      throw CheckpointFailure(
        path, "the header claims \(length) bytes, expected at most \(Self.limit); is it a safetensors file?")
    }
    dataStart = 8 + Int(length)
    guard dataStart <= bytes.count else {
      throw CheckpointFailure(
        path,
        "the header claims \(length) bytes, the file has \(bytes.count - 8) after its length: it is truncated "
          + "or not a safetensors file")
    }
    var parser = SafetensorsParser(Array(bytes[8..<dataStart]), path: path)
    let parsed = try parser.parse()
    metadata = parsed.metadata
    entries = parsed.entries.sorted {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }
    try Self.check(entries, dataCount: bytes.count - dataStart, path: path)
  }

  /// Every tensor has the bytes its shape needs, and together they cover the data exactly once.
  private static func check(
    _ entries: [Entry], dataCount: Int, path: String
  ) throws(CheckpointFailure) {
    var end = 0
    for entry in entries {
      let name = entry.name.quotedBriefly
      guard let needed = entry.type.byteCount(shape: entry.shape), needed == entry.bytes.count else {
        let needed =
          entry.type.byteCount(shape: entry.shape).map(String.init) ?? "more than memory can address"
        throw CheckpointFailure(
          path,
          "tensor \(name) has \(entry.bytes.count) bytes, its type \(entry.type.rawValue) and shape "
            + "\(entry.shape) need \(needed)")
      }
      guard entry.bytes.lowerBound == end else {
        let kind = entry.bytes.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw CheckpointFailure(
          path,
          "tensor \(name) begins at byte \(entry.bytes.lowerBound) of the data and \(kind), expected \(end)")
      }
      end = entry.bytes.upperBound
      guard end <= dataCount else {
        throw CheckpointFailure(
          path,
          "tensor \(name) ends at byte \(end) of the data, the file has \(dataCount): it is truncated; copy it again"
        )
      }
    }
    guard end == dataCount else {
      throw CheckpointFailure(
        path, "the header describes \(end) bytes of data, the file has \(dataCount); copy it again")
    }
  }
}
