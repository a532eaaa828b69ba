import Corpus
import Tokenizers

/// The questions that a finetuning run learns from and those that it is judged by.
struct TaskData {
  private let training: ClassificationTask
  private let validation: ClassificationTask?
  private let seed: UInt32

  init(_ config: RunConfig, _ task: TaskConfig, _ tokenizer: TokenizerDirectory?) throws {
    guard let tokenizer else {
      throw TrainingFailure("questions are text: name the model's tokenizer in data.tokenizer")
    }
    let tokens = try BERTTokens(tokenizer.tokenizer, name: tokenizer.path)
    func read(_ paths: [String]) throws -> ClassificationTask {
      try ClassificationTask(task.kind, paths: paths, sequenceLength: config.sequenceLength, tokens: tokens) {
        tokenizer.tokenizer.encode($0)
      }
    }
    training = try read(task.training)
    validation = task.validation.isEmpty ? nil : try read(task.validation)
    seed = UInt32(config.training.seed)
  }

  /// Questions to learn from, in one epoch.
  var count: Int { training.count }

  /// The questions, each epoch in another order, for `samples` of them.
  func loader(samples: Int) throws -> Loader {
    Loader(
      try ShuffledSamples(training, epochs: (samples + count - 1) / count, seed: seed), wraps: true)
  }

  var heldOut: Loader? { validation.map { Loader($0) } }
}
