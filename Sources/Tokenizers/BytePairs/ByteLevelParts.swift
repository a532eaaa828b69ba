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

  /// The names under which vocabularies know the end of a document, the surest first.
  static let endNames = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]"]
  static let beginningNames = ["<|begin_of_text|>", "<|startoftext|>", "<s>", "<bos>", "<|bos|>", "[BOS]"]

  /// The id of the first of `names` among the special tokens.
  func special(named names: [String]) -> Int32? {
    for name in names {
      if let token = added.first(where: { $0.isSpecial && $0.text == Array(name.utf8) }) { return token.id }
    }
    return nil
  }

  /// Takes the ends of documents from well-known names where nothing else has set them.
  mutating func findEnds() {
    endOfText = endOfText ?? special(named: Self.endNames)
    beginningOfText = beginningOfText ?? special(named: Self.beginningNames)
  }
}
