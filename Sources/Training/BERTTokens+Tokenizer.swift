import Corpus
import Tokenizers

extension BERTTokens {
  /// What BERT's samples need to know of `tokenizer`; throws where it is not one that BERT is trained with.
  init(_ tokenizer: any Tokenizer, name: String) throws {
    func id(_ token: String) throws(TrainingFailure) -> Int32 {
      guard let id = tokenizer.specialTokens.first(where: { $0.name == token })?.id else {
        throw TrainingFailure(
          "the tokenizer \(name) has no \(token), which an encoder's samples need: expected a WordPiece tokenizer, as "
            + "`needletail tokenizer train --kind wordpiece` makes")
      }
      return id
    }
    try self.init(
      classify: id("[CLS]"), separator: id("[SEP]"), mask: id("[MASK]"), padding: id("[PAD]"),
      // A piece that begins a word brings the space before it.
      continuesWord: (0..<Int32(tokenizer.vocabularySize)).map { tokenizer.token($0)?.first != 0x20 })
  }
}
