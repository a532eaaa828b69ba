/// A SentencePiece model (Kudo and Richardson 2018), unigram or BPE.
///
/// A model that keeps text as it is (identity normalisation, byte fallback, white space untouched: what
/// `SentencePieceTrainer` makes, Nemotron-4's kind, Llama's and Mistral's) loses nothing: bytes that are
/// not UTF-8 become byte pieces, and so does the sign U+2581, which the library would take for a space.
/// Other models normalise as their files say, which is theirs.
package struct SentencePieceTokenizer: Tokenizer {
  package let vocabularySize: Int
  package let endOfText: Int32?
  package let beginningOfText: Int32?
  package let opening: [Int32]
  package let unknown: Int32?
  package let specialTokens: [SpecialToken]
  package let summary: String
  package let isLossless: Bool
  /// The file this was read from.
  package let model: [UInt8]

  private let processor: SentencePieceProcessor
  /// These stand in for the processor where the model allows it.
  private let merger: PieceMerger?
  private let unigram: UnigramEncoder?
  /// By id: the bytes it adds to a text.
  private let bytes: [[UInt8]]
  /// By byte: its piece; empty where the model does not fall back to bytes.
  private let byteIds: [Int32]
  private let control: AddedTokens
  private let splitting: TextSplitting
  /// Whether a space is put before a text, in place of SentencePiece's own dummy prefix.
  private let addsPrefix: Bool
  private let removesLeadingSpace: Bool
  private let removesAllLeadingSpace: Bool

  /// - Parameter opensTexts: whether every text asks for the beginning's id in front: a model's file does not
  ///   say, `tokenizer_config.json` may.
  package init(model bytes: [UInt8], opensTexts: Bool = false, source: String) throws(TokenizerFailure) {
    let model = try SentencePieceModel(bytes, source: source)
    self.model = bytes
    byteIds = model.fallsBackToBytes ? Self.byteIds(model) : []
    let canFallBack = !byteIds.isEmpty
    let keepsSpaces = !model.removesExtraWhitespace && !model.treatsWhitespaceAsSuffix
    isLossless =
      keepsSpaces && canFallBack && !model.replacesCharacters && model.escapesWhitespace
    // With the prefix taken over here, the text behind a stray byte does not get one of its own.
    addsPrefix = model.addsDummyPrefix && keepsSpaces
    splitting = TextSplitting(
      atInvalidBytes: canFallBack && (addsPrefix || !model.addsDummyPrefix), atSpaceSigns: isLossless)
    processor = try SentencePieceProcessor(
      addsPrefix ? bytes + Self.withoutDummyPrefix : bytes, source: source)
    merger = PieceMerger(model, byteIds: byteIds)
    unigram = try UnigramEncoder(
      model, byteIds: byteIds, addsDummyPrefix: model.addsDummyPrefix && !addsPrefix, source: source)
    vocabularySize = model.pieces.count
    self.bytes = model.pieces.map { Self.bytes(of: $0, model) }
    removesAllLeadingSpace = model.removesExtraWhitespace
    removesLeadingSpace = model.addsDummyPrefix || model.removesExtraWhitespace
    control = AddedTokens(Self.control(model))
    specialTokens = control.special
    endOfText = Self.id(model.endId, .control, model)
    beginningOfText = Self.id(model.beginningId, .control, model)
    opening = opensTexts ? [beginningOfText].compactMap(\.self) : []
    unknown = model.pieces.firstIndex { $0.kind == .unknown }.map(Int32.init)
    summary =
      "SentencePiece \(model.algorithm), \(model.pieces.count) pieces\(canFallBack ? ", byte fallback" : "")"
      + (isLossless ? ", lossless" : "")
  }

  package func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    var isFirst = true
    control.split(text, specials: specials) { range in
      encode(text, range, addsPrefix: addsPrefix && isFirst, into: &ids)
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
      encodeReadable(text, range, into: &ids)
    } bytes: { range in
      appendBytes(text, range, into: &ids)
    }
  }

  private func encodeReadable(_ text: Span<UInt8>, _ range: Range<Int>, into ids: inout [Int32]) {
    if let merger { return merger.encode(text, range, into: &ids) }
    if let unigram { return unigram.encode(text, range, into: &ids) }
    // The processor fails only when memory ends; the text then stands as bytes, as stray bytes do.
    do { try processor.encode(text, range, into: &ids) } catch { appendBytes(text, range, into: &ids) }
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
        let starts = added.first == 0x20 && id != unknown
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
    addsPrefix ? nil : merger?.safeCut(in: text, before: offset)
  }
}
