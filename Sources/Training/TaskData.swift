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
    for (questions, paths) in [(training, task.training), (validation ?? training, task.validation)] {
      try Self.check(questions, paths)
    }
    seed = UInt32(config.training.seed)
  }

  /// Throws unless the files tell the answers, and most of their rows are questions.
  private static func check(_ questions: ClassificationTask, _ paths: [String]) throws(TrainingFailure) {
    let place = paths.joined(separator: ", ")
    guard questions.labelled == questions.count else {
      throw TrainingFailure(
        "\(place): \(questions.count - questions.labelled) of \(questions.count) questions have no answer; name a file "
          + "with labels, such as train.tsv or dev.tsv")
    }
    guard questions.dropped <= questions.count else {
      throw TrainingFailure(
        "\(place): \(questions.dropped) rows are malformed and \(questions.count) are not; expected the files of "
          + "\(questions.kind.rawValue)")
    }
  }

  /// Malformed rows that were left out.
  var dropped: Int { training.dropped + (validation?.dropped ?? 0) }

  /// Questions to learn from, in one epoch.
  var count: Int { training.count }

  /// The questions, each epoch in another order, for `samples` of them.
  func loader(samples: Int) throws -> Loader {
    Loader(
      try ShuffledSamples(training, epochs: (samples + count - 1) / count, seed: seed), wraps: true)
  }

  var heldOut: Loader? { validation.map { Loader($0) } }
}
