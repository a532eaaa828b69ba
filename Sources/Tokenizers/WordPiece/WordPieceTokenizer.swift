/// BERT's tokenizer: words, each cut from its start into the longest pieces the vocabulary has; a piece that
/// goes on with a word is written `##piece` (Wu et al. 2016; Devlin et al. 2018).
///
/// Not lossless: `decode` puts one space between words and knows nothing of capitals and accents that the
/// text had. A sequence's frame, [CLS] and [SEP], is made where sequences are made: pairs have two ends.
package struct WordPieceTokenizer: Tokenizer {
  package let vocabularySize: Int
  /// The id of a word that cannot be cut into pieces.
  package let unknown: Int32

  let parts: WordPieceParts
  private let words: BertWords
  private let added: AddedTokens
  private let trie: PieceTrie
  /// Where in the trie the pieces lie that go on with a word; nil where there are none.
  private let continuation: Int?
  private let pool = WorkspacePool { WordPieceWorkspace() }

  init(_ parts: WordPieceParts, source: String) throws(TokenizerFailure) {
    guard let unknown = parts.id(of: parts.unknownToken) else {
      throw TokenizerFailure(
        source,
        "the vocabulary has no \"\(parts.unknownToken)\", the token of words it cannot spell; "
          + "expected one: is this a WordPiece vocabulary?")
    }
    self.parts = parts
    self.unknown = unknown
    words = BertWords(parts.normalization)
    added = AddedTokens(parts.added)
    // A longer token than the longest word, of four bytes a character, never matches.
    let longest = parts.longestWord * 4 + parts.continuation.utf8.count
    trie = PieceTrie(parts.tokens.filter { $0.bytes.count <= longest }.map { ($0.bytes, Int32($0.id), 0) })
    var place: Int? = PieceTrie.root
    let nodes = trie.nodes
    for byte in parts.continuation.utf8 {
      place = place.flatMap { PieceTrie.child(of: $0, by: byte, nodes.span) }
    }
    continuation = place
    vocabularySize = max(parts.vocabulary.count, parts.added.map { Int($0.id) + 1 }.max() ?? 0)
  }

  package var summary: String {
    "WordPiece, \(vocabularySize) tokens, \(specialTokens.count) special"
      + (parts.normalization.lowercases ? ", lower case" : "")
      + (parts.normalization.stripsAccents ? ", no accents" : "")
  }

  package var isLossless: Bool { false }
  package var specialTokens: [SpecialToken] { added.special }
  package var endOfText: Int32? { nil }
  package var beginningOfText: Int32? { nil }

  package func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    var workspace = pool.take()
    added.split(text, specials: specials) { range in
      words.forEach(text, in: range, word: &workspace.word, scalars: &workspace.scalars) { word in
        cut(word, into: &ids)
      }
    } found: { id in
      ids.append(id)
    }
    pool.give(workspace)
  }

  /// Appends the pieces of one word, the longest first; the unknown token where a rest has none.
  @inline(__always)
  private func cut(_ word: Span<UInt8>, into ids: inout [Int32]) {
    let before = ids.count
    var start = 0
    if word.count > parts.longestWord, Self.characters(word) > parts.longestWord { start = word.count }
    let nodes = trie.nodes.span
    while start < word.count {
      guard var node = start == 0 ? PieceTrie.root : continuation else { break }
      var end = start
      var found = (id: Int32(-1), end: start)
      while end < word.count, let child = PieceTrie.child(of: node, by: word[end], nodes) {
        node = child
        end += 1
        if nodes[node].id >= 0 { found = (nodes[node].id, end) }
      }
      guard found.id >= 0 else { break }
      ids.append(found.id)
      start = found.end
    }
    guard start < word.count || ids.count == before else { return }
    ids.removeSubrange(before...)
    ids.append(unknown)
  }

  private static func characters(_ word: Span<UInt8>) -> Int {
    var count = 0
    for index in word.indices where word[index] & 0xC0 != 0x80 { count += 1 }
    return count
  }

  package func decode(_ ids: [Int32]) -> [UInt8] {
    var text: [UInt8] = []
    for id in ids {
      let piece = token(id) ?? []
      text += text.isEmpty && piece.first == 0x20 ? piece.dropFirst() : piece[...]
    }
    return text
  }

  package func token(_ id: Int32) -> [UInt8]? {
    guard let bytes = added.text(of: id) ?? parts.vocabulary.bytes(of: id) else { return nil }
    let prefix = Array(parts.continuation.utf8)
    return bytes.starts(with: prefix) ? Array(bytes.dropFirst(prefix.count)) : [0x20] + bytes
  }

  /// White space in ASCII ends a word whatever stands around it.
  package func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? {
    guard added.tokens.allSatisfy(\.isSpecial) else { return nil }
    var cut = min(offset, text.count - 1)
    while cut > 0 {
      if text[cut] == 0x20 || text[cut] == 0x0A { return cut }
      cut -= 1
    }
    return nil
  }
}

/// What one thread needs while it encodes with word pieces.
struct WordPieceWorkspace: Sendable {
  var word: [UInt8] = []
  var scalars: [UInt32] = []
}
