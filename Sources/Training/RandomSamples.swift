import Corpus
import Models
import Tensors

/// Tokens drawn evenly from a vocabulary; a sample depends on its index alone.
package struct RandomSamples: Samples {
  package let sequenceLength: Int
  package let count: Int
  package let layout: Batch.Layout
  private let model: Transformer.Config
  private let predictedShare: Double

  package init(_ config: RunConfig) {
    sequenceLength = config.sequenceLength
    count = config.training.globalBatch * config.training.steps
    model = config.model
    let isEncoder = model.kind == .encoder
    layout = Batch.Layout(
      sequences: model.choices, hasSegments: isEncoder,
      hasLabels: isEncoder && (model.classes > 0 || model.sentenceOrder))
    predictedShare = config.predictedShare
  }

  package func append(_ index: Int, to batch: inout Batch) {
    let key = RandomKey(seed: 0).at(index), tokens = layout.sequences * sequenceLength
    func token(_ place: Int) -> Int32 { Int32(key.at(place).value % UInt64(model.vocabulary)) }
    for place in 0..<tokens { batch.tokens.append(token(place)) }
    guard model.kind == .encoder else {
      batch.tokens.append(token(tokens))
      return batch.shiftTargets()
    }
    let each = Int((1 / predictedShare).rounded())
    for place in 0..<tokens {
      batch.targets.append(model.classes == 0 && place % each == 0 ? token(place + 1) : Batch.ignored)
      batch.segments.append(Int32(2 * (place % sequenceLength) / sequenceLength))
    }
    for _ in 0..<layout.sequences { batch.lengths.append(Int32(sequenceLength)) }
    if layout.hasLabels { batch.labels.append(Int32(index % 2)) }
  }
}

extension RunConfig {
  /// The same run on random tokens where it names no data: without a tokenizer there is still a vocabulary.
  package var onRandomTokens: RunConfig {
    var config = self
    if data.prefix == nil, data.blend.isEmpty, data.task == nil { config.data.prefix = "random tokens" }
    if model.vocabulary == 0 { config.model.vocabulary = 50_304 }
    return config
  }
}
