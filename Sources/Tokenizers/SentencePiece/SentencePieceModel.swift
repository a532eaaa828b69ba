/// What a SentencePiece `.model` file holds (sentencepiece_model.proto), as far as decoding needs it.
struct SentencePieceModel {
  enum Kind: UInt64 { case normal = 1, unknown, control, userDefined, unused, byte }

  struct Piece {
    var text: [UInt8] = []
    var score: Float = 0
    var kind = Kind.normal
  }

  enum Algorithm: UInt64 { case unigram = 1, bpe, word, character }

  var pieces: [Piece] = []
  var algorithm = Algorithm.unigram
  var fallsBackToBytes = false
  var treatsWhitespaceAsSuffix = false
  var beginningId: Int32 = 1
  var endId: Int32 = 2
  var unknownSurface = Array(" \u{2047} ".utf8)
  var addsDummyPrefix = true
  var removesExtraWhitespace = true
  var escapesWhitespace = true
  /// The table of character replacements (see `NormalizationRules`); empty where text stays as it is.
  var replacements: [UInt8] = []
  var replacesCharacters: Bool { !replacements.isEmpty }

  /// SentencePiece's sign for a space, U+2581, in UTF-8.
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  init(_ bytes: [UInt8], source: String) throws(TokenizerFailure) {
    var reader = ProtobufReader(bytes[...], source: source)
    var hasTrainer = false
    var hasNormalizer = false
    while let (field, value) = try reader.next() {
      guard case .bytes(let message) = value else { continue }
      switch field {
      case 1: pieces.append(try Self.piece(message, pieces.count, source))
      case 2:
        try readTrainer(message, source)
        hasTrainer = true
      case 3:
        try readNormalizer(message, source)
        hasNormalizer = true
      default: break
      }
    }
    guard hasTrainer, hasNormalizer, pieces.contains(where: { $0.kind == .unknown }) else {
      throw TokenizerFailure(
        source,
        "not a whole SentencePiece model: got \(pieces.count) pieces\(hasTrainer ? "" : ", no trainer spec")"
          + "\(hasNormalizer ? "" : ", no normalizer spec"), expected pieces with an unknown one and both specs; "
          + "the file is damaged or cut off")
    }
  }

  private static func piece(
    _ message: ArraySlice<UInt8>, _ number: Int, _ source: String
  ) throws(TokenizerFailure) -> Piece {
    var piece = Piece()
    var reader = ProtobufReader(message, source: source)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let text)): piece.text = Array(text)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .varint(let number)): piece.kind = Kind(rawValue: number) ?? .normal
      default: break
      }
    }
    guard !piece.text.isEmpty else {
      throw TokenizerFailure(source, "piece \(number) is empty, expected text; the file is damaged")
    }
    if piece.kind == .byte, byte(piece.text) == nil {
      let text = String(decoding: piece.text, as: UTF8.self)
      throw TokenizerFailure(source, "byte piece \(number) is \"\(text)\", expected \"<0x00>\" to \"<0xFF>\"")
    }
    return piece
  }

  private mutating func readTrainer(_ message: ArraySlice<UInt8>, _ source: String) throws(TokenizerFailure) {
    var reader = ProtobufReader(message, source: source)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (3, .varint(let number)):
        guard let known = Algorithm(rawValue: number) else {
          throw TokenizerFailure(source, "got model type \(number), expected 1 to 4; the file is damaged")
        }
        algorithm = known
      case (24, .varint(let number)): treatsWhitespaceAsSuffix = number != 0
      case (35, .varint(let number)): fallsBackToBytes = number != 0
      case (41, .varint(let number)): beginningId = Int32(truncatingIfNeeded: number)
      case (42, .varint(let number)): endId = Int32(truncatingIfNeeded: number)
      case (44, .bytes(let text)): unknownSurface = Array(text)
      default: break
      }
    }
  }

  private mutating func readNormalizer(
    _ message: ArraySlice<UInt8>, _ source: String
  ) throws(TokenizerFailure) {
    var reader = ProtobufReader(message, source: source)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (2, .bytes(let table)): replacements = Array(table)
      case (3, .varint(let number)): addsDummyPrefix = number != 0
      case (4, .varint(let number)): removesExtraWhitespace = number != 0
      case (5, .varint(let number)): escapesWhitespace = number != 0
      default: break
      }
    }
  }

  /// A piece's text with spaces for their sign.
  static func spaced(_ text: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text[...]
    while let first = rest.first {
      let isSign = rest.starts(with: space)
      bytes.append(isSign ? 0x20 : first)
      rest = rest.dropFirst(isSign ? space.count : 1)
    }
    return bytes
  }

  /// The byte that `<0xNN>` stands for.
  static func byte(_ text: [UInt8]) -> UInt8? {
    guard text.count == 6, text.starts(with: Array("<0x".utf8)), text[5] == UInt8(ascii: ">") else {
      return nil
    }
    return UInt8(String(decoding: text[3..<5], as: UTF8.self), radix: 16)
  }
}
