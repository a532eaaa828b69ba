import Files

/// Where the tables of a Megatron `.idx` file lie, its header checked against its size.
///
/// Little-endian, nothing aligned: magic (9 bytes), version u64, dtype u8, sequence count S u64, document
/// index count D u64, then i32[S] lengths in tokens, i64[S] pointers in bytes, i64[D] document indices and,
/// in multimodal data only, i8[S] modes.
struct IndexLayout: Sendable, Equatable {
  static let magic: [UInt8] = [0x4D, 0x4D, 0x49, 0x44, 0x49, 0x44, 0x58, 0, 0]
  static let version: UInt64 = 1
  static let headerCount = 34

  let tokenType: TokenType
  let sequenceCount: Int
  /// One more than the documents.
  let documentIndexCount: Int

  var lengths: Int { Self.headerCount }
  var pointers: Int { lengths + 4 * sequenceCount }
  var documentIndices: Int { pointers + 8 * sequenceCount }
  var end: Int { documentIndices + 8 * documentIndexCount }

  /// Reads the header of `index`. Throws on a wrong magic, version or type, and on a truncated file.
  init(of index: MappedFile) throws(CorpusFailure) {
    let path = index.path
    guard index.count >= Self.headerCount else {
      throw CorpusFailure(
        path, "truncated: an index starts with \(Self.headerCount) bytes of header, got \(index.count)")
    }
    guard index.bytes.prefix(9).elementsEqual(Self.magic) else {
      throw CorpusFailure(path, "not a Megatron index: expected it to start with MMIDIDX")
    }
    let version = index.load(UInt64.self, at: 9)
    guard version == Self.version else {
      throw CorpusFailure(path, "index version \(version) is not supported, expected \(Self.version)")
    }
    let code = index.load(UInt8.self, at: 17)
    guard let type = TokenType(rawValue: code) else {
      throw CorpusFailure(
        path, "token type code \(code) is not an integer type; expected 1 to 5 or 8 (u8 i8 i16 i32 i64 u16)")
    }
    let sequences = index.load(UInt64.self, at: 18)
    let documents = index.load(UInt64.self, at: 26)
    // No count can exceed the file that holds it, so the sums below cannot overflow.
    let room = UInt64(index.count)
    guard sequences <= room, documents <= room else {
      throw CorpusFailure(
        path,
        "truncated: the header promises \(sequences) sequences and \(documents) document indices, "
          + "the file has \(room) bytes")
    }
    tokenType = type
    sequenceCount = Int(sequences)
    documentIndexCount = Int(documents)
    guard index.count == end || index.count == end + sequenceCount else {
      throw CorpusFailure(
        path,
        "\(index.count < end ? "truncated" : "too long"): \(sequences) sequences and "
          + "\(documents) document indices take \(end) bytes, got \(index.count)")
    }
  }
}
