import Collectives
import Corpus
import Layers
import Models
import Tensors

/// Makes a rank's microbatches of the samples of a step, all of them before the first is used: only then is known by
/// how many targets a loss is divided.
///
/// Microbatch k of all data-parallel ranks is one run of samples, of which each takes its part: the samples of a step,
/// and the random keys of each, do not depend on how many ranks there are. The last microbatch may be short.
package final class Feeder {
  private let config: RunConfig
  private let model: Transformer
  private let loader: Loader
  private let rank: Rank
  private let dropoutKey: RandomKey?
  private let weightGradients = WeightGradients()
  private var batch = Batch()
  private var scratch = Targets.Scratch()
  private var feeds: [PipelineEngine.Feed] = []
  private let positions: Tensor
  /// Stands for ids on stages that do not read the data.
  private let zeros: Tensor

  package init(_ config: RunConfig, _ model: Transformer, _ loader: Loader, _ rank: Rank) {
    self.config = config
    self.model = model
    self.loader = loader
    self.rank = rank
    dropoutKey =
      config.model.dropout > 0 ? RandomKey(seed: UInt64(config.training.seed)).at("dropout") : nil
    let tokens = config.tokensPerMicrobatch
    positions = Tensor(
      (0..<tokens).map { Int32($0 % config.sequenceLength) }, Shape(tokens), on: model.device)
    zeros = Tensor([Int32](repeating: 0, count: tokens), Shape(tokens), on: model.device)
  }

  /// Reads the microbatches of `samples`; `step` names the random keys, nil where nothing is dropped. Gives the
  /// number of targets in this rank's.
  package func begin(step: Int?, samples: Range<Int>) throws -> (tokens: Int, labels: Int) {
    let size = config.training.microbatch * rank.data.count
    feeds.removeAll(keepingCapacity: true)
    for index in 0..<(samples.count + size - 1) / size {
      feeds.append(try read(index, of: samples, step: step))
    }
    return feeds.reduce((0, 0)) {
      ($0.0 + ($1.targets?.tokenCount ?? 0), $0.1 + ($1.targets?.labelCount ?? 0))
    }
  }

  /// Microbatches of this rank.
  package var count: Int { feeds.count }

  /// Microbatch `index` of this rank.
  package subscript(index: Int) -> PipelineEngine.Feed { feeds[index] }

  /// Whether this rank's part of the model needs more of a microbatch than its size.
  private var readsData: Bool {
    model.embedding != nil || model.head != nil || model.config.kind == .encoder
  }

  private func read(_ index: Int, of samples: Range<Int>, step: Int?) throws -> PipelineEngine.Feed {
    let number = index * rank.data.count + rank.data.rank
    let size = config.training.microbatch, length = config.sequenceLength, choices = config.model.choices
    let key = step.flatMap { step in dropoutKey?.at(step).at(number) }
    func microbatch(_ ids: Tensor, segments: Tensor? = nil, visible: Tensor? = nil) -> Microbatch {
      Microbatch(
        ids: ids, positions: positions, segments: segments, sequences: size * choices, length: length,
        visible: visible, key: key, weightGradients: weightGradients)
    }
    guard readsData else { return PipelineEngine.Feed(microbatch: microbatch(zeros), targets: nil) }
    let first = samples.lowerBound + number * size
    try loader.read((first..<first + size).clamped(to: samples), into: &batch)
    try model.checkVocabulary(of: batch)
    batch.pad(to: size)
    func tensor(_ values: [Int32]) -> Tensor? {
      values.isEmpty ? nil : Tensor(values, Shape(values.count), on: model.device)
    }
    return PipelineEngine.Feed(
      microbatch: microbatch(
        tensor(batch.tokens) ?? zeros, segments: tensor(batch.segments), visible: tensor(batch.lengths)),
      targets: Targets(tokens: batch.targets, labels: batch.labels, scratch: &scratch, on: model.device))
  }
}
