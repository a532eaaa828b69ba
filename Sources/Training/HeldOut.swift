import Corpus
import Layers
import Models
import Tensors

/// The loss of a model on samples it does not learn from.
package struct HeldOut {
  private let loader: Loader
  private let sequences: Int
  private let batchSize: Int
  private let length: Int

  /// Measures on the first samples of `loader`, at most `sequences`, `batchSize` at a time.
  package init(_ loader: Loader, sequences: Int, batchSize: Int, length: Int) {
    self.loader = loader
    self.sequences = min(sequences, loader.samples.count)
    self.batchSize = batchSize
    self.length = length
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
      let shape = Shape(count * length)
      let microbatch = Microbatch(
        ids: Tensor(batch.tokens, shape, on: model.device),
        positions: Tensor((0..<shape.count).map { Int32($0 % length) }, shape, on: model.device),
        sequences: count, length: length)
      let targets = Tensor(batch.targets, shape, on: model.device)
      sum += model.head.losses(model.hidden(microbatch), targets: targets, microbatch).sum
      scored += batch.targets.count { $0 >= 0 }
    }
    return sum / Double(max(1, scored))
  }
}
