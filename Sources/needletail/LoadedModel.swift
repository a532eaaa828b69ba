import ArgumentParser
import Corpus
import Models
import Telemetry
import Tensors
import Tokenizers
import Training

/// A model with its tokenizer, as commands open them.
struct LoadedModel {
  let model: Transformer
  let tokenizer: any Tokenizer
  let path: String

  init(_ path: String, tokenizer: String?, threads: Int?) throws {
    try ThreadCount.check(threads)
    let device = Device(threads: threads ?? Device.processorCount)
    let trained = try TrainedModel(path, on: device)
    model = trained.model
    let directory = try TokenizerDirectory(tokenizer ?? trained.tokenizerPath)
    self.tokenizer = directory.tokenizer
    self.path = path
    guard directory.tokenizer.vocabularySize <= model.config.vocabulary else {
      throw ValidationError(
        "the tokenizer \(directory.path) has \(directory.tokenizer.vocabularySize) tokens, the model \(path) "
          + "\(model.config.vocabulary): they do not belong together")
    }
    if let step = trained.step {
      Terminal.standardError.writeLine(
        "\(path): using the checkpoint of step \(step), the run is not finished")
    }
  }
}
