import Corpus
import Models

extension Transformer {
  /// Throws when `batch` holds a token that the model has no row for: a dataset need not say what its
  /// vocabulary is, and a damaged one may say anything.
  func checkVocabulary(of batch: Batch) throws(TrainingFailure) {
    let rows = Int32(config.vocabulary)
    let isKnown = { (token: Int32) in token >= 0 && token < rows }
    guard
      let stray = batch.tokens.first(where: { !isKnown($0) })
        ?? batch.targets.first(where: { !isKnown($0) && $0 != Batch.ignored })
    else { return }
    throw TrainingFailure(
      "the data holds token \(stray), model.vocabulary is \(config.vocabulary): data.prefix or data.blend was "
        + "encoded with another tokenizer, or is damaged")
  }
}
