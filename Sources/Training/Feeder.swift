import Collectives
import Corpus
import Layers
import Models
import Tensors

/// Makes a rank's microbatches of the samples of a step.
///
/// Microbatch k of all data-parallel ranks is one run of samples, of which each takes its part: the samples of a step,
/// and the random keys of each, do not depend on how many ranks there are. The last microbatch may be short.
final class Feeder {
  private let config: RunConfig
  private let model: Transformer
  private let loader: Loader
  private let rank: Rank
  private let dropoutKey: RandomKey?
  private let weightGradients = WeightGradients()
  private var batch = Batch()
  private var samples = 0..<0
  private var step: Int?
  private let positions: Tensor
  /// Stands for ids and targets on stages that use neither.
  private let zeros: Tensor

  init(_ config: RunConfig, _ model: Transformer, _ loader: Loader, _ rank: Rank) {
    self.config = config
    self.model = model
    self.loader = loader
    self.rank = rank
    dropoutKey =
      config.model.dropout > 0 ? RandomKey(seed: UInt64(config.training.seed)).at("dropout") : nil
    let tokens = config.training.microbatch * config.sequenceLength
    positions = Tensor(
      (0..<tokens).map { Int32($0 % config.sequenceLength) }, Shape(tokens), on: model.device)
    zeros = Tensor([Int32](repeating: 0, count: tokens), Shape(tokens), on: model.device)
  }

  /// Turns to `samples`; `step` names the random keys, nil where nothing is dropped.
  func begin(step: Int?, samples: Range<Int>) {
    self.step = step
    self.samples = samples
  }

  /// Microbatches of this rank.
  var count: Int {
    let size = config.training.microbatch * rank.data.count
    return (samples.count + size - 1) / size
  }

  /// Microbatch `index` of this rank.
  func read(_ index: Int) throws -> PipelineEngine.Feed {
    let number = index * rank.data.count + rank.data.rank
    let size = config.training.microbatch, length = config.sequenceLength
    var ids = zeros, targets = zeros
    var scored = 0
    let first = samples.lowerBound + number * size
    let mine = (first..<first + size).clamped(to: samples)
    if model.embedding != nil || model.head != nil {
      try loader.read(mine, into: &batch)
      try model.checkVocabulary(of: batch)
      batch.pad(to: size)
      ids = Tensor(batch.tokens, Shape(size * length), on: model.device)
      targets = Tensor(batch.targets, Shape(size * length), on: model.device)
      scored = batch.targets.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) }
    }
    let key = step.flatMap { step in dropoutKey?.at(step).at(number) }
    return PipelineEngine.Feed(
      microbatch: Microbatch(
        ids: ids, positions: positions, sequences: size, length: length, key: key,
        weightGradients: weightGradients),
      targets: targets, scored: scored)
  }
}
