/// What BERT's samples need to know of a tokenizer.
package struct BERTTokens: Sendable, Equatable {
  /// `[CLS]`, before everything.
  package let classify: Int32
  /// `[SEP]`, after each segment.
  package let separator: Int32
  /// `[MASK]`, in the place of what is to be predicted.
  package let mask: Int32
  /// `[PAD]`, behind everything.
  package let padding: Int32
  /// For every id of the vocabulary, whether its token goes on with a word (`##ing`).
  package let continuesWord: [Bool]

  package var vocabularySize: Int { continuesWord.count }

  /// Throws when one of the four is not in the vocabulary.
  package init(
    classify: Int32, separator: Int32, mask: Int32, padding: Int32, continuesWord: [Bool]
  ) throws(CorpusFailure) {
    let ids = [("[CLS]", classify), ("[SEP]", separator), ("[MASK]", mask), ("[PAD]", padding)]
    for (name, id) in ids where !continuesWord.indices.contains(Int(id)) {
      throw CorpusFailure("tokenizer", "\(name) is token \(id), the vocabulary has \(continuesWord.count)")
    }
    self.classify = classify
    self.separator = separator
    self.mask = mask
    self.padding = padding
    self.continuesWord = continuesWord
  }
}
