import Corpus
import Layers
import Models
import Tensors

/// The loss of a model on samples it does not learn from.
package struct HeldOut {
  private let loader: Loader
  private let sequences: Int
  private let batchSize: Int

  /// Measures on the first samples of `loader`, at most `sequences`, `batchSize` at a time.
  package init(_ loader: Loader, sequences: Int, batchSize: Int) {
    self.loader = loader
    self.sequences = min(sequences, loader.samples.count)
    self.batchSize = batchSize
  }

  /// Mean loss per token, in nats.
  package func loss(of model: Decoder) throws -> Double {
    var batch = Batch()
    var sum = 0.0
    var scored = 0
    for first in stride(from: 0, to: sequences, by: batchSize) {
      let count = min(batchSize, sequences - first)
      try loader.read(consumed: first, size: count, into: &batch)
      try model.checkVocabulary(of: batch)
      let microbatch = Microbatch(batch.tokens, sequences: count, on: model.device)
      let targets = Tensor(batch.targets, Shape(batch.targets.count), on: model.device)
      sum += model.head.losses(model.hidden(microbatch), targets: targets, microbatch).sum
      scored += batch.targets.count { $0 >= 0 }
    }
    return sum / Double(max(1, scored))
  }
}
