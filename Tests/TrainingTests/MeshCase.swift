import Collectives
import Corpus
import Layers
import Models
import Schedules
import Tensors
import Topology

@testable import Training

/// One way to divide a small model, and what training it comes to.
struct MeshCase: Sendable, CustomStringConvertible {
  enum Family: String, CaseIterable, Sendable { case gpt2, nemotron, llama, bert, choices }

  var family: Family
  var mesh = Mesh.single
  var change: @Sendable (inout RunConfig) -> Void = { _ in }
  var label = ""

  var description: String { "\(family.rawValue) \(mesh) \(label)" }

  /// Eight layers, so that four stages can have two chunks; a vocabulary that no number of ranks divides; dropout.
  var config: RunConfig {
    var config = RunConfig()
    config.model.layers = 8
    config.model.width = 32
    config.model.heads = 4
    config.model.vocabulary = 67
    config.model.context = 16
    config.model.dropout = 0.1
    switch family {
    case .gpt2: break
    case .nemotron:
      config.model.keyValueHeads = 2
      config.model.positions = .rotary
      config.model.rotaryFraction = 0.5
      config.model.norm = .layerNorm1P
      config.model.activation = .squaredReLU
      config.model.bias = false
      config.model.tiedEmbeddings = false
    case .llama:
      config.model.keyValueHeads = 1
      config.model.positions = .rotary
      config.model.norm = .rmsNorm
      config.model.activation = .swiglu
      config.model.bias = false
      config.model.feedForwardWidth = 44
    case .bert:
      config.model.kind = .encoder
      config.model.activation = .geluErf
    case .choices:
      config.model.kind = .encoder
      config.model.classes = 1
      config.model.choices = 4
      config.data.task = TaskConfig()
      config.data.task?.kind = .race
      config.data.task?.training = ["questions"]
    }
    config.training.steps = 5
    config.training.globalBatch = 8
    config.training.microbatch = 1
    config.training.threads = 1
    // A classifier's gradients are near epsilon: a large step would make much of their rounding.
    config.schedule.learningRate = family == .choices ? 3e-3 : 1e-2
    // Adam divides by the gradient's size. Where that is rounding alone, as of a key's bias, its sign would be
    // compared.
    config.optimizer.epsilon = 1e-3
    config.mesh.tensor = mesh.tensor
    config.mesh.pipeline = mesh.pipeline
    // Several buckets of this small model.
    config.mesh.bucketBytes = 20_000
    change(&config)
    return config
  }

  struct Result: Sendable {
    var losses: [Double] = []
    var norms: [Double] = []
    var weights: [String: [Float]] = [:]
    var heldOut = 0.0

    /// The largest relative distance to `other`: of a loss, a norm, and an element over its tensor's largest.
    func distance(to other: Result) -> (loss: Double, norm: Double, weights: Double) {
      func relative(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) / max(1e-30, abs($1)) }.max() ?? 0 : .infinity
      }
      guard weights.keys == other.weights.keys else { return (.infinity, .infinity, .infinity) }
      let scale = other.weights.values.joined().map(abs).max() ?? 0
      let weight = weights.map { name, values -> Double in
        let theirs = other.weights[name] ?? []
        // A bias that began as zero has moved little: its tensor is measured against a hundredth of the model's.
        let largest = max(theirs.map(abs).max() ?? 0, scale / 100)
        return values.count == theirs.count
          ? zip(values, theirs).map { Double(abs($0 - $1) / largest) }.max() ?? 0 : .infinity
      }
      return (
        relative(losses + [heldOut], other.losses + [other.heldOut]), relative(norms, other.norms),
        weight.max() ?? .infinity
      )
    }
  }

  private struct Shard: Sendable {
    let part: String
    let whole: [Int]
    let block: Block
    let values: [Float]
  }

  /// Five steps on every rank of the mesh; the weights put together again.
  func train() throws -> Result {
    let config = self.config
    try config.validate(ranks: mesh.rankCount)
    let ranks = try LocalCluster.run(mesh, limit: .seconds(120)) { rank in
      let device = Device(threads: 1)
      let model = config.model(of: rank, on: device)
      model.store.initialize(seed: 7)
      let samples: any Samples =
        switch family {
        case .bert: MaskedSamples(sequences: 1)
        case .choices: MaskedSamples(sequences: 4)
        default: CountingSamples()
        }
      let loader = Loader(samples)
      let step = TrainStep(config, model: model, loader: loader, rank: rank)
      var result = Result()
      for _ in 0..<config.training.steps {
        let outcome = try step.run()
        result.losses.append(outcome.loss)
        result.norms.append(outcome.gradientNorm.value)
      }
      result.heldOut = try step.heldOutLosses(loader, samples: 5).total
      let shards = model.store.parts.filter(\.part.isKept).map { part, range in
        Shard(
          part: part.name, whole: part.whole.dimensions, block: part.block,
          values: model.store.values.elements(range, as: Shape(range.count)).floats)
      }
      return (result, shards)
    }
    var result = ranks[0].0
    for shard in ranks.flatMap(\.1) {
      let columns = shard.whole.dropFirst().reduce(1, *)
      var whole =
        result.weights[shard.part] ?? [Float](repeating: .nan, count: shard.whole.reduce(1, *))
      for (index, value) in shard.values.enumerated() {
        let row = shard.block.rows.lowerBound + index / shard.block.columns.count
        whole[row * columns + shard.block.columns.lowerBound + index % shard.block.columns.count] = value
      }
      result.weights[shard.part] = whole
    }
    return result
  }
}

/// Tokens that follow from each other, but for one in five.
private struct CountingSamples: Samples {
  let sequenceLength = 16
  let count = 1000

  func append(_ index: Int, to batch: inout Batch) {
    batch.tokens += (0...sequenceLength).map { Int32(($0 % 5 == 4 ? $0 * index : 3 * $0 + index) % 67) }
    batch.shiftTargets()
  }
}

/// The same in two segments of unequal lengths, every fourth token to be predicted, and a label; or sequences to choose
/// from.
private struct MaskedSamples: Samples {
  let sequences: Int
  let sequenceLength = 16
  let count = 1000
  var layout: Batch.Layout { Batch.Layout(sequences: sequences, hasSegments: true, hasLabels: true) }

  func append(_ index: Int, to batch: inout Batch) throws {
    for sequence in 0..<sequences { append(index + 31 * sequence, isMasked: sequences == 1, to: &batch) }
    batch.labels.append(Int32(index / 3 % 2))
  }

  private func append(_ index: Int, isMasked: Bool, to batch: inout Batch) {
    let visible = 5 + index * 7 % 12
    for place in 0..<sequenceLength {
      batch.tokens.append(Int32((3 * place + index) % 67))
      batch.targets.append(
        isMasked && place % 4 == 1 && place < visible ? Int32((3 * place + 2 * index) % 67) : Batch.ignored)
      batch.segments.append(2 * place < visible ? 0 : 1)
    }
    batch.lengths.append(Int32(visible))
  }
}
