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
  /// Tokens on disk, in all datasets.
  package let tokenCount: Int

  /// Opens what `config` names, builds the order of its samples, and checks it against the model.
  package init(_ config: RunConfig) throws {
    guard !config.data.components.isEmpty else {
      throw TrainingFailure(
        "the recipe names no data: set data.prefix to a dataset made by `needletail corpus build`, "
          + "as in --set data.prefix=corpus/text")
    }
    let components = try config.data.components.map { component in
      (component, try IndexedDataset(prefix: component.prefix))
    }
    let descriptions = try config.data.components.map { try CorpusDescription.read(prefix: $0.prefix) }
    tokenizer = try config.data.tokenizer.map { try TokenizerDirectory($0) }
    let split = try DatasetSplit(config.data.split)
    let training = config.training
    let ramp = training.steps * training.globalBatch
    let endOfText =
      tokenizer?.tokenizer.endOfText ?? descriptions.compactMap { $0?.tokenizer.endOfText }.first
    let mask = config.data.masksEndOfText ? endOfText : nil
    func samples(_ part: DatasetSplit.Part, count: Int) throws -> any Samples {
      func of(_ dataset: IndexedDataset, count: Int) throws -> any Samples {
        try GPTDataset(
          dataset, part: part, sequenceLength: config.sequenceLength, sampleCount: count,
          seed: UInt32(training.seed), maskAfter: mask)
      }
      if let only = components.first, components.count == 1 { return try of(only.1, count: count) }
      return try BlendedDataset(
        components.map { component, dataset in
          BlendedDataset.Component(dataset.prefix, weight: component.weight) { try of(dataset, count: $0) }
        }, sampleCount: count)
    }
    // A run that returns to a checkpoint and passes samples over ends with the first ones again: had the order room
    // for more, it would be another order.
    loader = Loader(try samples(split.training, count: ramp), wraps: true)
    heldOut = try Self.heldOutCount(config, split: split, components.map(\.1)).map {
      Loader(try samples(split.validation, count: $0))
    }
    tokenCount = components.reduce(0) { $0 + $1.1.tokenCount }
    vocabularySize =
      ([tokenizer?.tokenizer.vocabularySize] + descriptions.map { $0?.tokenizer.vocabularySize })
      .compactMap { $0 }.max()
    let known = descriptions.compactMap { $0 }
    bytesPerToken =
      known.isEmpty
      ? nil
      : Double(known.reduce(0) { $0 + $1.textBytes }) / Double(max(1, known.reduce(0) { $0 + $1.tokens }))
    if let tokenizer {
      try Self.checkIdentity(descriptions, of: config.data.components, tokenizer)
    }
  }

  /// Sequences to measure the held-out loss on; nil where the split leaves none.
  private static func heldOutCount(
    _ config: RunConfig, split: DatasetSplit, _ datasets: [IndexedDataset]
  ) throws -> Int? {
    guard config.training.evaluationInterval > 0 else { return nil }
    let tokens = datasets.reduce(0) { sum, dataset in
      sum
        + split.validation.range(count: dataset.sequenceCount).reduce(0) {
          $0 + max(0, dataset.length(of: $1))
        }
    }
    let sequences = (tokens - 1) / config.sequenceLength
    return sequences < 1 ? nil : min(config.training.evaluationSequences, sequences)
  }

  /// Refuses datasets that another tokenizer wrote: the ids would mean something else.
  private static func checkIdentity(
    _ descriptions: [CorpusDescription?], of components: [DataConfig.Component],
    _ tokenizer: TokenizerDirectory
  ) throws {
    for (description, component) in zip(descriptions, components) {
      guard let made = description?.tokenizer, let checksum = made.checksum else { continue }
      guard checksum == tokenizer.identity.checksum else {
        throw TrainingFailure(
          "\(component.prefix) was encoded with another tokenizer (\(made.name), checksum \(checksum)) than "
            + "data.tokenizer \(tokenizer.path) (\(tokenizer.identity.checksum ?? "?")): build the dataset "
            + "again or name its tokenizer")
      }
    }
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
