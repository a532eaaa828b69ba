import ArgumentParser
import Corpus
import Models
import Telemetry
import Tensors
import Tokenizers
import Training

/// A model with its tokenizer, as commands find them; the weights are still on the disk.
struct NamedModel: Sendable {
  let trained: TrainedModel
  let tokenizer: any Tokenizer

  init(_ path: String, tokenizer: String?) throws {
    trained = try TrainedModel(path)
    let directory = try TokenizerDirectory(tokenizer ?? trained.tokenizerPath)
    self.tokenizer = directory.tokenizer
    guard directory.tokenizer.vocabularySize <= trained.config.vocabulary else {
      throw ValidationError(
        "the tokenizer \(directory.path) has \(directory.tokenizer.vocabularySize) tokens, the model \(path) "
          + "\(trained.config.vocabulary): they do not belong together")
    }
    if let step = trained.step {
      Terminal.standardError.writeLine(
        "\(path): using the checkpoint of step \(step), the run is not finished")
    }
  }
}
