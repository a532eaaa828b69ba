/// Byte-level byte-pair encoding, as GPT-2 introduced it: text is cut into pieces by a pattern, each piece
/// starts as single bytes, and neighbours merge in the order the training found them.
///
/// All 256 bytes are tokens, so any bytes encode and decode without loss (Radford et al. 2019, section 2.2).
/// A few published vocabularies leave out bytes that UTF-8 never uses; with them such a byte becomes U+FFFD.
package struct ByteLevelBPE: Tokenizer {
  package let endOfText: Int32?
  package let beginningOfText: Int32?
  package private(set) var opening: [Int32] = []
  package let pretokenizer: Pretokenizer
  package let vocabularySize: Int

  let vocabulary: Vocabulary
  let merges: MergeTable
  let added: AddedTokens
  /// Whether a space is put before a text that does not start with white space (and stays in `decode`).
  let addsPrefixSpace: Bool
  /// Whether a piece that is a token as it stands is not merged from its bytes.
  let prefersWholePieces: Bool
  /// By byte: its id.
  let byteIds: [Int32]
  let pool = WorkspacePool { Workspace() }
  package let isLossless: Bool
  private let hasEveryByte: Bool
  /// Unicode's form C, which text is put in first where the files ask for it.
  private let composition: NormalFormC?

  private static let missing: Int32 = -1

  private static func isOutsideUTF8(_ byte: UInt8) -> Bool { byte == 0xC0 || byte == 0xC1 || byte >= 0xF5 }

  init(_ parts: ByteLevelParts, source: String) throws(TokenizerFailure) {
    var byteIds: [Int32] = []
    for byte in UInt8.min...UInt8.max {
      let id = parts.vocabulary.id(of: [byte])
      guard id != nil || Self.isOutsideUTF8(byte) else {
        throw TokenizerFailure(
          source,
          "the vocabulary has no token for byte \(byte), so some texts could not be kept; "
            + "expected all 256 bytes: train it again with the full byte alphabet")
      }
      byteIds.append(id ?? Self.missing)
    }
    self.byteIds = byteIds
    hasEveryByte = !byteIds.contains(Self.missing)
    isLossless = hasEveryByte && !parts.addsPrefixSpace && !parts.composesCharacters
    composition = parts.composesCharacters ? .unicode : nil
    vocabulary = parts.vocabulary
    merges = parts.merges
    added = AddedTokens(parts.added)
    addsPrefixSpace = parts.addsPrefixSpace
    prefersWholePieces = parts.prefersWholePieces
    pretokenizer = parts.pretokenizer
    let largest = parts.added.map { Int($0.id) + 1 }.max() ?? 0
    vocabularySize = max(parts.vocabulary.count, largest)
    endOfText = parts.endOfText
    beginningOfText = parts.beginningOfText
  }

  func opening(with ids: [Int32]) -> ByteLevelBPE {
    var tokenizer = self
    tokenizer.opening = ids
    return tokenizer
  }

  package var specialTokens: [SpecialToken] { added.special }

  package var summary: String {
    "byte-level BPE, \(vocabularySize) tokens, \(merges.count) merges, \(specialTokens.count) special, "
      + "pattern \(pretokenizer.pattern)"
  }

  package func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    var workspace = pool.take()
    added.split(text, specials: specials) { range in
      if let composed = composition?.normalized(text, range) {
        encode(composed.span, composed.indices, &workspace, into: &ids)
      } else {
        encode(text, range, &workspace, into: &ids)
      }
    } found: { id in
      ids.append(id)
    }
    pool.give(workspace)
  }

  private func encode(
    _ text: Span<UInt8>, _ range: Range<Int>, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    let addsSpace = addsPrefixSpace && !range.isEmpty && text[range.lowerBound] != 0x20
    guard addsSpace || !hasEveryByte else { return encodePieces(text, range, &workspace, into: &ids) }
    var prepared: [UInt8] = addsSpace ? [0x20] : []
    prepared.reserveCapacity(range.count + 1)
    for index in range {
      if byteIds[Int(text[index])] == Self.missing {
        prepared += [0xEF, 0xBF, 0xBD]
      } else {
        prepared.append(text[index])
      }
    }
    encodePieces(prepared.span, 0..<prepared.count, &workspace, into: &ids)
  }

  private func encodePieces(
    _ text: Span<UInt8>, _ range: Range<Int>, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    pretokenizer.forEachPiece(text, in: range) { start, end in
      encodePiece(text, start, end, &workspace, into: &ids)
    }
  }

  @inline(__always)
  private func encodePiece(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ workspace: inout Workspace, into ids: inout [Int32]
  ) {
    let count = end &- start
    if count == 1 { return ids.append(byteIds[Int(text[start])]) }
    guard count <= WordCache.Key.longest else {
      mergePiece(text, start, end, &workspace.merging)
      return ids.append(contentsOf: workspace.merging.symbols)
    }
    let key = WordCache.Key(text, from: start, count: count)
    if workspace.cache.append(key, to: &ids) { return }
    mergePiece(text, start, end, &workspace.merging)
    workspace.cache.keep(key, workspace.merging.symbols)
    ids.append(contentsOf: workspace.merging.symbols)
  }

  /// Leaves the ids of one piece in the workspace.
  @inline(never)
  private func mergePiece(_ text: Span<UInt8>, _ start: Int, _ end: Int, _ merging: inout MergeWorkspace) {
    merging.symbols.removeAll(keepingCapacity: true)
    if prefersWholePieces, let id = vocabulary.id(of: text, in: start..<end) {
      return merging.symbols.append(id)
    }
    for index in start..<end { merging.symbols.append(byteIds[Int(text[index])]) }
    merging.run(merges)
  }

  package func decode(_ ids: [Int32]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(ids.count * 4)
    for id in ids { bytes += token(id) ?? [] }
    return bytes
  }

  package func token(_ id: Int32) -> [UInt8]? { added.text(of: id) ?? vocabulary.bytes(of: id) }

  package func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? {
    // Tokens that are found anywhere, and a space put in front, would see the cut.
    guard !addsPrefixSpace, added.tokens.allSatisfy(\.isSpecial) else { return nil }
    return pretokenizer.safeCut(in: text, before: offset)
  }
}
