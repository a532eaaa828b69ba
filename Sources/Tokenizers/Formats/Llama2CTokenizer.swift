/// llama2.c's `tokenizer.bin` (also `tok512.bin` and such): a SentencePiece BPE without its wrapping.
///
/// Little-endian: the longest token's length (i32); then for each token in the order of ids its score (f32),
/// its length (i32) and its bytes, spaces as they are. Ids 0, 1, 2 are unknown, beginning and end, and 3 to
/// 258 the bytes `<0x00>` to `<0xFF>`. Every text starts with the beginning and one more space (run.c,
/// `encode`).
struct Llama2CTokenizer {
  let source: String

  private static let firstByte = 3
  private static let firstPiece = 259
  /// Far longer than any piece; what claims more is no such file.
  private static let longestPiece = 512

  func load(_ file: [UInt8]) throws(TokenizerFailure) -> PieceTokenizer {
    let tokens = try read(file)
    let bytes = Self.firstByte..<Self.firstPiece
    for (byte, id) in bytes.enumerated() {
      guard id < tokens.count, SentencePieceModel.byte(tokens[id].text) == UInt8(byte) else {
        throw TokenizerFailure(
          source,
          "token \(id) of \(tokens.count) is no byte \(byte), expected llama2.c's order: 3 special tokens, "
            + "then <0x00> to <0xFF>")
      }
    }
    let pieces = tokens.enumerated().dropFirst(Self.firstPiece).filter { !$0.element.text.isEmpty }
    let merger = PieceMerger(
      pieces.map { ($0.element.text, Int32($0.offset), $0.element.score) }, byteIds: bytes.map { Int32($0) })
    let texts = tokens.enumerated().map { id, token in
      (bytes: bytes.contains(id) ? [UInt8(id - Self.firstByte)] : token.text, id: id)
    }
    var parts = PieceTokenizer.Parts(
      merger: merger, bytes: try Vocabulary(texts, source: source),
      added: ["<unk>", "<s>", "</s>"].enumerated().map {
        .init(text: Array($0.element.utf8), id: Int32($0.offset), isSpecial: true)
      }, prefix: .everyStretch, readsSpaceSign: false, dropsFirstSpace: true)
    parts.beginningOfText = 1
    parts.endOfText = 2
    parts.opening = [1]
    return PieceTokenizer(parts)
  }

  private func read(_ file: [UInt8]) throws(TokenizerFailure) -> [(text: [UInt8], score: Float)] {
    var position = 0
    func word() throws(TokenizerFailure) -> UInt32 {
      guard file.count - position >= 4 else { throw ends(position, file.count) }
      defer { position += 4 }
      return (0..<4).reduce(0) { $0 | UInt32(file[position + $1]) << UInt32(8 * $1) }
    }
    let longest = min(Int(Int32(bitPattern: try word())), Self.longestPiece)
    var tokens: [(text: [UInt8], score: Float)] = []
    while position < file.count {
      let score = Float(bitPattern: try word())
      let length = Int(Int32(bitPattern: try word()))
      guard score.isFinite, length >= 0, length <= longest else {
        throw TokenizerFailure(
          source,
          "token \(tokens.count) has score \(score) and length \(length), expected a number and 0 to "
            + "\(longest) bytes; this is no tokenizer of llama2.c, or it is damaged")
      }
      guard length <= file.count - position else { throw ends(position, file.count) }
      tokens.append((Array(file[position..<position + length]), score))
      position += length
    }
    return tokens
  }

  private func ends(_ position: Int, _ count: Int) -> TokenizerFailure {
    TokenizerFailure(
      source,
      "ends at byte \(count) within a token that starts before byte \(position + 4), expected a whole "
        + "tokenizer of llama2.c; the file is cut off or of another kind")
  }
}
