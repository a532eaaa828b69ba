import JSON

extension ByteLevelBPE {
  /// GPT-2's two files: `vocab.json` or `encoder.json` (ids by token), `merges.txt` or `vocab.bpe` (a merge
  /// a line). A token that a document's end goes by, such as `<|endoftext|>`, is special.
  init(
    vocabulary: [UInt8], merges: [UInt8], names: (vocabulary: String, merges: String), ends: DocumentEnds,
    opensTexts: Bool
  ) throws(TokenizerFailure) {
    let json = try JSONValue(vocabulary, source: names.vocabulary)
    let known =
      [ends.end, ends.beginning].compactMap(\.self) + DocumentEnds.endNames + DocumentEnds.beginningNames
    let named = Set(known.map { Array($0.utf8) })
    var special: [AddedTokens.Token] = []
    for member in json.members ?? [] {
      let key = Array(member.key.utf8)
      guard named.contains(key), let id = member.value.integer, id >= 0, id < Vocabulary.mostIds else {
        continue
      }
      special.append(.init(text: key, id: Int32(id), isSpecial: true))
    }
    let words = try VocabularyReader(source: names.vocabulary).vocabulary(json, added: special)
    let table = try VocabularyReader(source: names.merges).merges(lines: merges, words)
    var parts = ByteLevelParts(
      vocabulary: words, merges: table, pretokenizer: Pretokenizer(.gpt2), added: special)
    parts.findEnds(ends)
    try self.init(parts, source: names.vocabulary)
    if opensTexts { self = opening(with: [beginningOfText].compactMap(\.self)) }
  }
}
