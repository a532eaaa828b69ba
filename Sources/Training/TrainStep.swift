import Corpus
import Layers
import Models
import Optimizers
import Telemetry
import Tensors

/// One update of a model: microbatches forward and backward, gradients accumulated, clipped and applied.
///
/// What it reads depends only on (consumed samples, global batch); buffers are reused, so in steady state
/// tensors cost no allocation.
package final class TrainStep {
  /// How a run came to where it stands: with the weights and the optimizer's state, all that a resumed run
  /// needs to go on as if it had never stopped.
  package struct Position: Codable, Sendable, Equatable {
    /// Updates done (or skipped because a scaled gradient overflowed).
    package var step = 0
    /// Updates that were applied; the optimizer's own count.
    package var updates = 0
    /// Sequences read.
    package var consumedSamples = 0
    /// Tokens read.
    package var consumedTokens = 0
    package var lossScale: DynamicLossScale.State?

    package init() {}
  }

  /// What one update measured.
  package struct Outcome {
    package let loss: Double
    package let gradientNorm: GradientNorm
    package let learningRate: Double
    package let tokens: Int
    /// Whether the update was left out because a scaled gradient overflowed.
    package let isSkipped: Bool
    /// The samples it read.
    package let samples: Range<Int>
  }

  package let model: Decoder
  package let precision: MixedPrecision
  package let optimizer: Optimizer
  package var position = Position()
  private let config: RunConfig
  private let loader: Loader
  private let schedule: LearningRateSchedule
  private let ramp: BatchSizeRamp
  private let timeline: Timeline
  private let dropoutKey: RandomKey?
  private var lossScale: DynamicLossScale
  private var batch = Batch()
  private let weightGradients = WeightGradients()
  private let ids: Tensor
  private let targets: Tensor
  private let positions: Tensor

  package init(_ config: RunConfig, model: Decoder, loader: Loader, timeline: Timeline = .off) {
    self.config = config
    self.model = model
    self.loader = loader
    self.timeline = timeline
    precision = MixedPrecision(config.training.precision, values: model.store.values)
    optimizer = Optimizer(
      config.optimizer, values: precision.master, gradients: model.store.gradients,
      decayedCount: model.store.decayedCount)
    schedule = LearningRateSchedule(config.schedule, steps: config.training.steps)
    ramp = BatchSizeRamp(config.batchRamp, finalBatch: config.training.globalBatch)
    lossScale = DynamicLossScale(config.lossScale)
    dropoutKey =
      config.model.dropout > 0 ? RandomKey(seed: UInt64(config.training.seed)).at("dropout") : nil
    let tokens = config.training.microbatch * config.sequenceLength
    ids = Tensor(uninitialized: Shape(tokens), .i32, on: model.device)
    targets = Tensor(uninitialized: Shape(tokens), .i32, on: model.device)
    positions = Tensor(
      (0..<tokens).map { Int32($0 % config.sequenceLength) }, Shape(tokens), on: model.device)
    precision.refreshValues()
  }

  /// Sequences of the next update.
  package var globalBatch: Int { ramp.batchSize(consumedSamples: position.consumedSamples) }

  /// Takes up a position that a checkpoint kept; weights and optimizer state have been restored.
  package func resume(at position: Position) {
    self.position = position
    if let state = position.lossScale { lossScale = DynamicLossScale(config.lossScale, state: state) }
    precision.refreshValues()
  }

  /// Computes and applies one update. A loss that is not finite is reported, not applied.
  package func run() throws -> Outcome {
    let size = globalBatch, first = position.consumedSamples
    let microbatches = size / config.training.microbatch
    let scale = config.training.precision.needsLossScale ? lossScale.scale : 1
    let tokens = size * config.sequenceLength
    var lossSum = 0.0
    var scored = 0
    for index in 0..<microbatches {
      let (sum, count) = try accumulate(
        first: first + index * config.training.microbatch, index: index,
        weight: Float(scale / Double(tokens)))
      lossSum += sum
      scored += count
    }
    precision.round(model.store.gradients)
    // Every microbatch weighs its tokens by 1/tokens; where some were masked, the mean is over the others.
    let correction = scored == 0 ? 0 : Double(tokens) / Double(scored)
    let norm = timeline.measure("gradient norm", "optimizer") {
      GradientNorm(of: model.store.gradients, scale: correction / scale)
    }
    let rate = schedule.rate(step: position.updates + 1)
    let loss = scored == 0 ? 0 : lossSum / Double(scored)
    let isApplied = norm.isFinite && loss.isFinite
    // At the smallest scale there is nothing left to try.
    let canScaleDown = config.training.precision.needsLossScale && lossScale.scale > config.lossScale.minimum
    let isSkipped = !isApplied && canScaleDown && loss.isFinite
    let outcome = Outcome(
      loss: loss, gradientNorm: norm, learningRate: rate, tokens: tokens, isSkipped: isSkipped,
      samples: first..<first + size)
    guard isApplied || isSkipped else { return outcome }
    apply(norm, rate: rate, gradientScale: correction / scale, isSkipped: isSkipped)
    position.step += 1
    position.consumedSamples += size
    position.consumedTokens += tokens
    return outcome
  }

  /// Reads the next microbatch and drops it: data that the model cannot take shows before a run begins.
  func checkData() throws {
    if position.step < config.training.steps { try read(position.consumedSamples) }
  }

  private func read(_ first: Int) throws {
    try loader.read(consumed: first, size: config.training.microbatch, into: &batch)
    try model.checkVocabulary(of: batch)
  }

  /// Forward and backward of one microbatch: the sum of its losses and the number of scored tokens.
  private func accumulate(first: Int, index: Int, weight: Float) throws -> (sum: Double, count: Int) {
    try timeline.measure("read", "data") { try read(first) }
    ids.copy(from: batch.tokens)
    targets.copy(from: batch.targets)
    let microbatch = Microbatch(
      ids: ids, positions: positions, sequences: config.training.microbatch, length: config.sequenceLength,
      key: dropoutKey?.at(position.step).at(index), weightGradients: weightGradients)
    let losses = timeline.measure("forward and backward", "compute", index: index) {
      model.lossesAndGradients(microbatch, targets: targets, gradientWeight: weight)
    }
    return (losses.sum, batch.targets.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) })
  }

  private func apply(_ norm: GradientNorm, rate: Double, gradientScale: Double, isSkipped: Bool) {
    timeline.measure("update", "optimizer") {
      if isSkipped {
        model.store.gradients.fill(0)
      } else {
        position.updates += 1
        let clip = config.optimizer.clip > 0 ? norm.clipCoefficient(maximum: config.optimizer.clip) : 1
        optimizer.update(step: position.updates, learningRate: rate, gradientScale: gradientScale * clip)
        precision.refreshValues()
      }
    }
    if config.training.precision.needsLossScale {
      lossScale.update(overflowed: isSkipped)
      position.lossScale = lossScale.state
    }
  }
}
