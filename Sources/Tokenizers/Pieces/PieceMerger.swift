/// BPE over characters, as SentencePiece and Hugging Face do it: the same ids, many times faster.
///
/// They merge over a whole text at once; here a text is first cut before each run of spaces, which changes
/// nothing when no piece has a space behind another character, and words seen lately are known.
/// Only models that leave characters as they are and fall back to bytes come here.
struct PieceMerger: Sendable {
  typealias Piece = (bytes: [UInt8], id: Int32)
  typealias ScoredPiece = (bytes: [UInt8], id: Int32, score: Float)
  typealias Merge = (left: [UInt8], right: [UInt8])

  /// Where words begin.
  private enum Cut {
    case nowhere, atRunsOfSpaces, atEachSpace
  }

  private let symbols: ByteTable
  /// By number in `symbols`: the piece's id, or -1 for a character that only stands inside pieces.
  private let ids: [Int32]
  private let merges: MergeTable
  private let userDefined: AddedTokens
  private let hasUserDefined: Bool
  private let byteIds: [Int32]
  private let cut: Cut
  private let pool = WorkspacePool { Workspace() }

  /// A SentencePiece model; nil where it is not of this kind.
  init?(_ model: SentencePieceModel, byteIds: [Int32]) {
    guard model.algorithm == .bpe, model.fallsBackToBytes, byteIds.count == 256, !model.replacesCharacters,
      !model.removesExtraWhitespace, model.escapesWhitespace, !model.treatsWhitespaceAsSuffix,
      !model.pieces.contains(where: { $0.kind == .unused })
    else { return nil }
    let pieces = model.pieces.enumerated().compactMap { id, piece -> ScoredPiece? in
      piece.kind == .normal || piece.kind == .userDefined
        ? (SentencePieceTokenizer.bytes(of: piece, model), Int32(id), piece.score) : nil
    }
    let userDefined = model.pieces.enumerated().filter { $0.element.kind == .userDefined }.map {
      AddedTokens.Token(
        text: SentencePieceTokenizer.bytes(of: $0.element, model), id: Int32($0.offset), isSpecial: false)
    }
    self.init(pieces, userDefined: userDefined, byteIds: byteIds)
  }

  /// Pieces of which two neighbours become the one with the best score.
  ///
  /// - Parameter byteIds: by byte, its piece.
  init(_ pieces: [ScoredPiece], userDefined: [AddedTokens.Token] = [], byteIds: [Int32]) {
    let (symbols, ids) = Self.symbols(pieces.map { ($0.bytes, $0.id) })
    merges = Self.merges(pieces, symbols)
    self.userDefined = AddedTokens(userDefined)
    hasUserDefined = !userDefined.isEmpty
    cut = pieces.contains { Self.hasInnerSpace($0.bytes) } ? .nowhere : .atRunsOfSpaces
    self.byteIds = byteIds
    self.symbols = symbols
    self.ids = ids
  }

  /// Pieces and their merges, the first ones first. Throws where a merge names a piece that is not there.
  ///
  /// - Parameter cutsEachSpace: whether no merge takes two spaces together.
  init(
    _ pieces: [Piece], merges: [Merge], byteIds: [Int32], cutsEachSpace: Bool, source: String
  ) throws(TokenizerFailure) {
    let (symbols, ids) = Self.symbols(pieces)
    var table = MergeTable(expecting: merges.count)
    var hasInnerSpace = false
    for (rank, merge) in merges.enumerated() {
      let bytes = merge.left + merge.right
      guard let left = symbols.number(of: merge.left), let right = symbols.number(of: merge.right),
        let whole = symbols.number(of: bytes), ids[left] >= 0, ids[right] >= 0, ids[whole] >= 0
      else {
        let pair = String(decoding: merge.left + [0x20] + merge.right, as: UTF8.self)
        throw TokenizerFailure(
          source,
          "merge \(rank) (\"\(pair)\") names a token that the vocabulary lacks; expected both parts and "
            + "their union in it: the file is damaged")
      }
      table.add(Int32(left), Int32(right), rank: rank, makes: Int32(whole))
      hasInnerSpace = hasInnerSpace || Self.hasInnerSpace(bytes)
    }
    cut = cutsEachSpace ? .atEachSpace : hasInnerSpace ? .nowhere : .atRunsOfSpaces
    userDefined = AddedTokens([])
    hasUserDefined = false
    self.merges = table
    self.byteIds = byteIds
    self.symbols = symbols
    self.ids = ids
  }

  /// The pieces, and the characters that only stand inside pieces.
  private static func symbols(_ pieces: [Piece]) -> (symbols: ByteTable, ids: [Int32]) {
    var symbols = ByteTable(expecting: pieces.count + 4096)
    var ids: [Int32] = []
    for piece in pieces where symbols.add(piece.bytes).isNew { ids.append(piece.id) }
    for piece in pieces {
      let text = piece.bytes.span
      for range in characters(text) where symbols.add(text, in: range).isNew { ids.append(-1) }
    }
    return (symbols, ids)
  }

  /// Every way to cut a piece into two symbols, ranked by the piece's score.
  private static func merges(_ pieces: [ScoredPiece], _ symbols: ByteTable) -> MergeTable {
    var found: [(left: Int32, right: Int32, whole: Int32, rank: Int)] = []
    var rank = -1
    var last = Float.infinity
    for piece in pieces.sorted(by: { $0.score > $1.score }) {
      if piece.score < last || rank < 0 { rank += 1 }
      last = piece.score
      let text = piece.bytes.span
      guard let whole = symbols.number(of: piece.bytes) else { continue }
      for cut in characters(text).dropFirst().map(\.lowerBound) {
        guard let left = symbols.number(of: text, in: 0..<cut),
          let right = symbols.number(of: text, in: cut..<text.count)
        else { continue }
        found.append((Int32(left), Int32(right), Int32(whole), rank))
      }
    }
    var table = MergeTable(expecting: found.count)
    for merge in found { table.add(merge.left, merge.right, rank: merge.rank, makes: merge.whole) }
    return table
  }

  private static func characters(_ text: Span<UInt8>) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var position = 0
    while position < text.count {
      let length = max(UTF8Scalar.read(text, at: position, before: text.count).length, 1)
      ranges.append(position..<position + length)
      position += length
    }
    return ranges
  }

  /// Whether a space stands behind another character.
  static func hasInnerSpace(_ bytes: [UInt8]) -> Bool {
    zip(bytes, bytes.dropFirst()).contains { $0 != 0x20 && $1 == 0x20 }
  }

  /// Appends the ids of `text[range]`; a byte that is not UTF-8 becomes its byte piece.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [Int32]) {
    var workspace = pool.take()
    var start = range.lowerBound
    while start < range.upperBound {
      let end = wordEnd(text, from: start, before: range.upperBound)
      encodeWord(text, start, end, &workspace, into: &output)
      start = end
    }
    pool.give(workspace)
  }

  /// Behind the spaces at `start` and the other characters that follow them.
  @inline(__always)
  private func wordEnd(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    if cut == .nowhere { return end }
    var position = start
    if cut == .atEachSpace {
      position += 1
    } else {
      while position < end, text[position] == 0x20 { position += 1 }
    }
    while position < end, text[position] != 0x20 { position += 1 }
    return position
  }

  @inline(__always)
  private func encodeWord(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ workspace: inout Workspace, into output: inout [Int32]
  ) {
    guard end - start <= WordCache.Key.longest else {
      return mergeWord(text, start, end, &workspace.merging, into: &output)
    }
    let key = WordCache.Key(text, from: start, count: end - start)
    if workspace.cache.append(key, to: &output) { return }
    var ids: [Int32] = []
    mergeWord(text, start, end, &workspace.merging, into: &ids)
    workspace.cache.keep(key, ids)
    output += ids
  }

  @inline(never)
  private func mergeWord(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ merging: inout MergeWorkspace,
    into output: inout [Int32]
  ) {
    merging.symbols.removeAll(keepingCapacity: true)
    var position = start
    while position < end {
      if hasUserDefined, let token = userDefined.token(in: text, at: position, specials: .asText),
        position + token.text.count <= end
      {
        flush(&merging, into: &output)
        output.append(token.id)
        position += token.text.count
        continue
      }
      let length = max(UTF8Scalar.read(text, at: position, before: end).length, 1)
      if let symbol = symbols.number(of: text, in: position..<position + length) {
        merging.symbols.append(Int32(symbol))
      } else {
        flush(&merging, into: &output)
        for index in position..<position + length { output.append(byteIds[Int(text[index])]) }
      }
      position += length
    }
    flush(&merging, into: &output)
  }

  /// Merges the symbols gathered so far and appends their ids.
  private func flush(_ merging: inout MergeWorkspace, into output: inout [Int32]) {
    guard !merging.symbols.isEmpty else { return }
    merging.run(merges)
    for symbol in merging.symbols {
      if ids[Int(symbol)] >= 0 {
        output.append(ids[Int(symbol)])
      } else {
        for byte in symbols[Int(symbol)] { output.append(byteIds[Int(byte)]) }
      }
    }
    merging.symbols.removeAll(keepingCapacity: true)
  }

  /// The last offset at or before `offset` where a word starts; nil where words are not cut.
  func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? {
    if cut == .nowhere { return nil }
    var place = min(offset, text.count - 1)
    while place > 0 {
      if text[place] == 0x20, text[place - 1] != 0x20 { return place }
      place -= 1
    }
    return nil
  }
}
