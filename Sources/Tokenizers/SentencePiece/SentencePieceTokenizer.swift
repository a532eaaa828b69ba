/// A SentencePiece model (Kudo and Richardson 2018), unigram or BPE.
///
/// A model that keeps text as it is (identity normalisation, byte fallback, white space untouched, no
/// dummy prefix: what `SentencePieceTrainer` makes, and Nemotron-4's kind) loses nothing: bytes that are
/// not UTF-8, and the sign U+2581 that SentencePiece would take for a space, become byte pieces. Other
/// models normalise as their files say, which is theirs; where they fall back to bytes, bytes that are
/// not UTF-8 are kept too.
package struct SentencePieceTokenizer: Tokenizer {
  package let vocabularySize: Int
  package let endOfText: Int32?
  package let beginningOfText: Int32?
  package let unknown: Int32?
  package let specialTokens: [SpecialToken]
  package let summary: String
  package let isLossless: Bool
  /// The file this was read from.
  package let model: [UInt8]

  private let processor: SentencePieceProcessor
  /// By id: the bytes it adds to a text.
  private let bytes: [[UInt8]]
  /// By byte: its piece; empty where the model does not fall back to bytes.
  private let byteIds: [Int32]
  private let special: AddedTokens
  private let splitting: TextSplitting
  private let removesLeadingSpace: Bool
  private let removesAllLeadingSpace: Bool
  private let cutsAtLines: Bool

  package init(model bytes: [UInt8], source: String) throws(TokenizerFailure) {
    let model = try SentencePieceModel(bytes, source: source)
    self.model = bytes
    let keepsCharacters =
      !model.replacesCharacters && !model.removesExtraWhitespace && model.escapesWhitespace
    let byteIds = Self.byteIds(model)
    let canFallBack = model.fallsBackToBytes && !byteIds.isEmpty
    self.byteIds = canFallBack ? byteIds : []
    isLossless = keepsCharacters && canFallBack && !model.addsDummyPrefix && !model.treatsWhitespaceAsSuffix
    // With the prefix taken over here, the text behind a stray byte does not get one of its own.
    let ownsPrefix = model.addsDummyPrefix && !model.removesExtraWhitespace && !model.treatsWhitespaceAsSuffix
    splitting = TextSplitting(
      atInvalidBytes: canFallBack && (ownsPrefix || !model.addsDummyPrefix),
      atSpaceSigns: isLossless, addsPrefix: ownsPrefix)
    processor = try SentencePieceProcessor(
      ownsPrefix ? bytes + Self.withoutDummyPrefix : bytes, source: source)
    vocabularySize = model.pieces.count
    self.bytes = model.pieces.map { Self.bytes(of: $0, model) }
    removesAllLeadingSpace = model.removesExtraWhitespace
    removesLeadingSpace = model.addsDummyPrefix || model.removesExtraWhitespace
    cutsAtLines =
      keepsCharacters && canFallBack && !splitting.addsPrefix && !model.addsDummyPrefix
      && !model.pieces.contains { $0.kind != .userDefined && $0.text.contains(0x0A) }
    special = AddedTokens(Self.control(model))
    specialTokens = special.special
    endOfText = Self.id(model.endId, .control, model)
    beginningOfText = Self.id(model.beginningId, .control, model)
    unknown = model.pieces.firstIndex { $0.kind == .unknown }.map(Int32.init)
    summary =
      "SentencePiece \(model.algorithm), \(model.pieces.count) pieces\(canFallBack ? ", byte fallback" : "")"
      + (isLossless ? ", lossless" : "")
  }

  package func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    var isFirst = true
    special.split(text, specials: specials) { range in
      encode(text, range, addsPrefix: splitting.addsPrefix && isFirst, into: &ids)
      isFirst = false
    } found: { id in
      ids.append(id)
    }
  }

  private func encode(_ text: Span<UInt8>, _ range: Range<Int>, addsPrefix: Bool, into ids: inout [Int32]) {
    if addsPrefix, !range.isEmpty {
      var spaced: [UInt8] = [0x20]
      for index in range { spaced.append(text[index]) }
      return encode(spaced.span, 0..<spaced.count, addsPrefix: false, into: &ids)
    }
    splitting.split(text, range) { range in
      // The processor fails only when memory ends; its pieces then stand as bytes, as do stray bytes.
      do { try processor.encode(text, range, into: &ids) } catch { appendBytes(text, range, into: &ids) }
    } bytes: { range in
      appendBytes(text, range, into: &ids)
    }
  }

  private func appendBytes(_ text: Span<UInt8>, _ range: Range<Int>, into ids: inout [Int32]) {
    guard !byteIds.isEmpty else { return }
    for index in range { ids.append(byteIds[Int(text[index])]) }
  }

  package func decode(_ ids: [Int32]) -> [UInt8] {
    var text: [UInt8] = []
    var isStart = removesLeadingSpace
    for id in ids {
      guard var added = token(id), !added.isEmpty else { continue }
      if isStart {
        let starts = added.first == 0x20
        if starts { added.removeFirst() }
        isStart = starts && removesAllLeadingSpace && added.isEmpty
      }
      text += added
    }
    return text
  }

  package func token(_ id: Int32) -> [UInt8]? {
    guard id >= 0, id < bytes.count else { return nil }
    return bytes[Int(id)]
  }

  package func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? {
    guard cutsAtLines else { return nil }
    var cut = min(offset, text.count)
    while cut > 0 {
      if text[cut - 1] == 0x0A { return cut }
      cut -= 1
    }
    return nil
  }
}
