import Corpus
import Models
import Tokenizers

/// The datasets of tokens that a recipe names, and the samples that its model learns from: runs of text for a decoder,
/// pairs of masked segments for an encoder.
struct IndexedData {
  private let config: RunConfig
  private let components: [(weight: Double, dataset: IndexedDataset)]
  private let descriptions: [CorpusDescription?]
  private let tokenizer: TokenizerDirectory?
  private let split: DatasetSplit

  init(_ config: RunConfig, _ tokenizer: TokenizerDirectory?) throws {
    guard !config.data.components.isEmpty else {
      throw TrainingFailure(
        "the recipe names no data: set data.prefix to a dataset made by `needletail corpus build`, "
          + "as in --set data.prefix=corpus/text")
    }
    self.config = config
    self.tokenizer = tokenizer
    components = try config.data.components.map { ($0.weight, try IndexedDataset(prefix: $0.prefix)) }
    descriptions = try config.data.components.map { try CorpusDescription.read(prefix: $0.prefix) }
    split = try DatasetSplit(config.data.split)
    if let tokenizer { try Self.checkIdentity(descriptions, of: config.data.components, tokenizer) }
  }

  // MARK: Samples

  func training() throws -> Loader {
    // A run that returns to a checkpoint and passes samples over ends with the first ones again: had the order room
    // for more, it would be another order.
    Loader(
      try samples(split.training, count: config.training.steps * config.training.globalBatch), wraps: true)
  }

  /// nil where the split holds out less than a sample.
  func heldOut() throws -> Loader? {
    try heldOutCount().map { Loader(try samples(split.validation, count: $0)) }
  }

  private func samples(_ part: DatasetSplit.Part, count: Int) throws -> any Samples {
    let make = try maker(part)
    if let only = components.first, components.count == 1 { return try make(only.dataset, count) }
    return try BlendedDataset(
      components.map { weight, dataset in
        BlendedDataset.Component(dataset.prefix, weight: weight) { try make(dataset, $0) }
      }, sampleCount: count)
  }

  private func maker(_ part: DatasetSplit.Part) throws -> (IndexedDataset, Int) throws -> any Samples {
    let length = config.sequenceLength, seed = UInt32(config.training.seed)
    switch config.model.kind {
    case .decoder:
      for (component, description) in zip(components, descriptions)
      where description?.level == .sentence {
        throw TrainingFailure(
          "\(component.dataset.prefix) was built with --split-sentences, for an encoder: its documents end nowhere; build "
            + "it again without, or set model.kind to encoder")
      }
      let mask = config.data.masksEndOfText ? endOfText : nil
      return {
        try GPTDataset(
          $0, part: part, sequenceLength: length, sampleCount: $1, seed: seed, maskAfter: mask)
      }
    case .encoder:
      guard let tokenizer else {
        throw TrainingFailure(
          "an encoder's samples need [CLS], [SEP] and [MASK]: name the tokenizer of the dataset, as in --set "
            + "data.tokenizer=wordpiece")
      }
      let tokens = try BERTTokens(tokenizer.tokenizer, name: tokenizer.path)
      let options = config.data.masking, hasOrder = config.model.sentenceOrder
      return {
        try BERTDataset(
          $0, part: part, sequenceLength: length, sampleCount: $1, seed: seed, tokens: tokens,
          sentenceOrder: hasOrder, options: options)
      }
    }
  }

  /// Samples to measure the held-out loss on.
  private func heldOutCount() throws -> Int? {
    guard config.training.evaluationInterval > 0 else { return nil }
    if config.model.kind == .encoder {
      // Its samples are cut anew in every epoch, and there are always more.
      let documents = components.map { ($0.dataset, split.validation.range(count: $0.dataset.documentCount)) }
      let tokens = try documents.reduce(0) { sum, part in
        try part.1.reduce(sum) { sum, document in
          try part.0.sequences(ofDocument: document).reduce(sum) { $0 + max(0, part.0.length(of: $1)) }
        }
      }
      return tokens == 0
        ? nil : max(1, min(config.training.evaluationSequences, tokens / config.sequenceLength))
    }
    let tokens = components.reduce(0) { sum, component in
      sum
        + split.validation.range(count: component.dataset.sequenceCount).reduce(0) {
          $0 + max(0, component.dataset.length(of: $1))
        }
    }
    let sequences = (tokens - 1) / config.sequenceLength
    return sequences < 1 ? nil : min(config.training.evaluationSequences, sequences)
  }

  private var endOfText: Int32? {
    tokenizer?.tokenizer.endOfText ?? descriptions.compactMap { $0?.tokenizer.endOfText }.first
  }

  // MARK: What is known of them

  var tokenCount: Int { components.reduce(0) { $0 + $1.dataset.tokenCount } }

  var vocabularySize: Int? {
    ([tokenizer?.tokenizer.vocabularySize] + descriptions.map { $0?.tokenizer.vocabularySize })
      .compactMap { $0 }.max()
  }

  var bytesPerToken: Double? {
    let known = descriptions.compactMap { $0 }
    guard !known.isEmpty else { return nil }
    return Double(known.reduce(0) { $0 + $1.textBytes }) / Double(max(1, known.reduce(0) { $0 + $1.tokens }))
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
}
