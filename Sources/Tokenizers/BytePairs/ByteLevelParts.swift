/// What the files of a byte-level tokenizer say, whatever their format.
struct ByteLevelParts {
  var vocabulary: Vocabulary
  var merges: MergeTable
  var pretokenizer: Pretokenizer
  var added: [AddedTokens.Token] = []
  /// Whether text is put in Unicode's form C first.
  var composesCharacters = false
  var addsPrefixSpace = false
  var prefersWholePieces = false
  var endOfText: Int32?
  var beginningOfText: Int32?

  /// Takes the ends of documents from the names given, or else from well-known names.
  mutating func findEnds(_ ends: DocumentEnds) {
    endOfText = ends.end(among: added)
    beginningOfText = ends.beginning(among: added)
  }
}
