/// BPE over characters and pieces with byte fallback, read from files that are not SentencePiece's own:
/// Llama's kind of `tokenizer.json`, and llama2.c's `tokenizer.bin`.
///
/// Special tokens add nothing to a text, as SentencePiece's control symbols do not.
package struct PieceTokenizer: Tokenizer {
  /// Where a space is put that the text does not have.
  enum Prefix: Sendable {
    case none
    /// In front of the text and behind every special token in it.
    case everyStretch
    /// The same, but where a space stands already.
    case everyStretchWithoutOne
    /// In front of the text, but where a space stands already.
    case textWithoutOne
  }

  struct Parts: Sendable {
    let merger: PieceMerger
    /// By id: the bytes a token adds to a text.
    let bytes: Vocabulary
    let added: [AddedTokens.Token]
    let prefix: Prefix
    /// Whether U+2581 in a text is a space, as for Hugging Face; if not, it becomes byte pieces.
    let readsSpaceSign: Bool
    /// Whether decoding drops a space in front of a text.
    let dropsFirstSpace: Bool
    var endOfText: Int32?
    var beginningOfText: Int32?
    var opening: [Int32] = []
  }

  package let vocabularySize: Int
  private let parts: Parts
  private let added: AddedTokens

  init(_ parts: Parts) {
    self.parts = parts
    added = AddedTokens(parts.added)
    vocabularySize = max(parts.bytes.count, parts.added.map { Int($0.id) + 1 }.max() ?? 0)
  }

  package var summary: String {
    "BPE over pieces, \(vocabularySize) tokens, \(specialTokens.count) special, byte fallback"
      + (isLossless ? ", lossless" : "")
  }

  package var isLossless: Bool {
    !parts.readsSpaceSign && parts.dropsFirstSpace == (parts.prefix == .everyStretch)
  }

  package var specialTokens: [SpecialToken] { added.special }
  package var endOfText: Int32? { parts.endOfText }
  package var beginningOfText: Int32? { parts.beginningOfText }
  package var opening: [Int32] { parts.opening }

  package func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    added.split(text, specials: specials) { range in
      let stretch = prepared(text, range)
      parts.merger.encode(stretch.span, stretch.indices, into: &ids)
    } found: { id in
      ids.append(id)
    }
  }

  /// The stretch with its prefix, and with spaces for their sign.
  private func prepared(_ text: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    var stretch: [UInt8] = []
    stretch.reserveCapacity(range.count + 1)
    var position = range.lowerBound
    while position < range.upperBound {
      let isSign = parts.readsSpaceSign && Self.isSpaceSign(text, at: position, before: range.upperBound)
      stretch.append(isSign ? 0x20 : text[position])
      position += isSign ? 3 : 1
    }
    let hasSpace = stretch.first == 0x20
    let wantsSpace =
      switch parts.prefix {
      case .none: false
      case .everyStretch: true
      case .everyStretchWithoutOne: !hasSpace
      case .textWithoutOne: !hasSpace && range.lowerBound == 0
      }
    if wantsSpace, !stretch.isEmpty { stretch.insert(0x20, at: 0) }
    return stretch
  }

  @inline(__always)
  private static func isSpaceSign(_ text: Span<UInt8>, at position: Int, before end: Int) -> Bool {
    text[position] == 0xE2 && position + 2 < end && text[position + 1] == 0x96 && text[position + 2] == 0x81
  }

  package func decode(_ ids: [Int32]) -> [UInt8] {
    var text: [UInt8] = []
    var isStart = parts.dropsFirstSpace
    for id in ids {
      guard let bytes = token(id), !bytes.isEmpty else { continue }
      text += isStart && bytes.first == 0x20 ? bytes.dropFirst() : bytes[...]
      isStart = false
    }
    return text
  }

  package func token(_ id: Int32) -> [UInt8]? {
    if let text = added.text(of: id) { return added.isSpecial(id) ? [] : text }
    return parts.bytes.bytes(of: id)
  }

  package func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? {
    guard parts.prefix == .none, added.tokens.allSatisfy(\.isSpecial) else { return nil }
    return parts.merger.safeCut(in: text, before: offset)
  }
}
