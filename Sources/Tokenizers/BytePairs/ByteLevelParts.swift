/// What the files of a byte-level tokenizer say, whatever their format.
struct ByteLevelParts {
  var vocabulary: Vocabulary
  var merges: MergeTable
  var pretokenizer: Pretokenizer
  var added: [AddedTokens.Token] = []
  var addsPrefixSpace = false
  var prefersWholePieces = false
  var endOfText: Int32?
  var beginningOfText: Int32?

  /// Takes the ends of documents from the names given, or else from well-known names.
  mutating func findEnds(_ ends: DocumentEnds) {
    endOfText = special([ends.end].compactMap(\.self) + DocumentEnds.endNames)
    beginningOfText = special([ends.beginning].compactMap(\.self) + DocumentEnds.beginningNames)
  }

  /// The id of the first of `names` among the special tokens.
  private func special(_ names: [String]) -> Int32? {
    for name in names {
      if let token = added.first(where: { $0.isSpecial && $0.text == Array(name.utf8) }) { return token.id }
    }
    return nil
  }
}
