import Corpus
import Tokenizers

/// The tokens of a run: training samples in Megatron's order and samples held out.
package struct TrainingData {
  package let loader: Loader
  package let heldOut: Loader?
  package let tokenizer: TokenizerDirectory?
  /// Rows the model's token table needs at least.
  package let vocabularySize: Int?
  /// UTF-8 bytes that a token of the data stands for, on average; nil where nobody knows.
  package let bytesPerToken: Double?
  /// Tokens on disk, in all datasets; of questions, with their padding.
  package let tokenCount: Int
  /// Malformed rows of a task's files, left out.
  package let droppedQuestions: Int

  /// Opens what `config` names, builds the order of its samples, and checks it against the model.
  package init(_ config: RunConfig) throws {
    tokenizer = try config.data.tokenizer.map { try TokenizerDirectory($0) }
    if let task = config.data.task {
      let data = try TaskData(config, task, tokenizer)
      loader = try data.loader(samples: config.training.steps * config.training.globalBatch)
      heldOut = data.heldOut
      tokenCount = data.count * config.tokensPerSample
      vocabularySize = tokenizer?.tokenizer.vocabularySize
      bytesPerToken = nil
      droppedQuestions = data.dropped
      return
    }
    let datasets = try IndexedData(config, tokenizer)
    loader = try datasets.training()
    heldOut = try datasets.heldOut()
    tokenCount = datasets.tokenCount
    vocabularySize = datasets.vocabularySize
    bytesPerToken = datasets.bytesPerToken
    droppedQuestions = 0
  }

  /// `model.vocabulary`, or the tokenizer's size rounded up to a multiple of 128, so that the table splits
  /// evenly over ranks. Throws when the data has ids that the model lacks.
  package func vocabulary(for config: RunConfig) throws -> Int {
    guard let vocabularySize else {
      guard config.model.vocabulary > 0 else {
        throw TrainingFailure(
          "nothing tells the vocabulary's size: set model.vocabulary, or data.tokenizer")
      }
      return config.model.vocabulary
    }
    guard config.model.vocabulary > 0 else { return (vocabularySize + 127) / 128 * 128 }
    guard vocabularySize <= config.model.vocabulary else {
      throw TrainingFailure(
        "the data's vocabulary has \(vocabularySize) tokens, model.vocabulary is \(config.model.vocabulary): "
          + "set model.vocabulary to 0 (automatic) or to at least \(vocabularySize)")
    }
    return config.model.vocabulary
  }
}
