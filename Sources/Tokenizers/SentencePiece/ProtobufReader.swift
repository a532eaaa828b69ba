/// Walks the fields of a Protocol Buffers message.
struct ProtobufReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private let source: String

  enum Value {
    case varint(UInt64)
    case fixed32(UInt32)
    case bytes(ArraySlice<UInt8>)
    case fixed64
  }

  init(_ bytes: ArraySlice<UInt8>, source: String) {
    self.bytes = bytes
    self.position = bytes.startIndex
    self.source = source
  }

  /// The next field's number and value; nil at the end.
  mutating func next() throws(TokenizerFailure) -> (field: Int, value: Value)? {
    guard position < bytes.endIndex else { return nil }
    let tag = try varint()
    let field = Int(truncatingIfNeeded: tag >> 3 & 0x1FFF_FFFF)
    switch tag & 7 {
    case 0: return (field, .varint(try varint()))
    case 1:
      _ = try take(8)
      return (field, .fixed64)
    case 2: return (field, .bytes(try take(try varint())))
    case 5:
      let word = try take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      return (field, .fixed32(word))
    default: throw failure("a field of type \(tag & 7)", "types 0, 1, 2 and 5")
    }
  }

  private mutating func varint() throws(TokenizerFailure) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard position < bytes.endIndex else { throw failure("the end of the data", "a number") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw failure("a number of more than ten bytes", "at most ten")
  }

  private mutating func take(_ count: UInt64) throws(TokenizerFailure) -> ArraySlice<UInt8> {
    guard count <= UInt64(bytes.endIndex - position) else {
      throw failure("\(bytes.endIndex - position) bytes", "\(count)")
    }
    defer { position += Int(count) }
    return bytes[position..<position + Int(count)]
  }

  private func failure(_ got: String, _ expected: String) -> TokenizerFailure {
    TokenizerFailure(
      source,
      "not a SentencePiece model: got \(got) at byte \(position), expected \(expected); "
        + "the file is damaged or cut off")
  }
}
