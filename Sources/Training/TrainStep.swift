import Collectives
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
    /// The last losses, where spikes are looked for.
    package var recentLosses: [Double]?
    /// Steps that were skipped or gone back from since the run began; nil: none.
    package var recoveries: Int?

    package init() {}
  }

  /// What became of an update.
  package enum Verdict: Sendable, Equatable {
    case applied
    /// Left out because a scaled gradient overflowed.
    case overflowed
    /// Left out because the loss jumped or was not a number; its samples are passed over.
    case skipped
    /// Nothing was changed: the run is to return to a checkpoint, or to end.
    case rollback, failed
  }

  /// What one update measured.
  package struct Outcome {
    package let losses: MeanLosses
    package var loss: Double { losses.total }
    package let gradientNorm: GradientNorm
    package let learningRate: Double
    package let tokens: Int
    package let verdict: Verdict
    /// The samples it read.
    package let samples: Range<Int>
  }

  package let model: Transformer
  package let update: ParameterUpdate
  package var position = Position()
  let rank: Rank
  private let config: RunConfig
  private let feeder: Feeder
  private let engine: PipelineEngine
  private let schedule: LearningRateSchedule
  private let ramp: BatchSizeRamp
  private let timeline: Timeline
  private var lossScale: DynamicLossScale

  package init(
    _ config: RunConfig, model: Transformer, loader: Loader, rank: Rank = .single, timeline: Timeline = .off
  ) {
    self.config = config
    self.model = model
    self.rank = rank
    self.timeline = timeline
    feeder = Feeder(config, model, loader, rank)
    update = ParameterUpdate(config, model, rank)
    engine = PipelineEngine(
      model, rank, config.mesh.scheduleKind,
      StageBoundary(
        rank, model.part.axis, scatters: config.mesh.scatterBoundaries, chunks: model.chunks.count,
        tokens: config.tokensPerMicrobatch, width: config.model.width,
        on: model.device),
      timeline: timeline)
    schedule = LearningRateSchedule(config.schedule, steps: config.training.steps)
    ramp = BatchSizeRamp(config.batchRamp, finalBatch: config.training.globalBatch)
    lossScale = DynamicLossScale(config.lossScale)
  }

  /// Sequences of the next update.
  package var globalBatch: Int { ramp.batchSize(consumedSamples: position.consumedSamples) }

  /// Takes up a position that a checkpoint kept; weights and optimizer state have been restored.
  package func resume(at position: Position) {
    self.position = position
    lossScale = DynamicLossScale(config.lossScale, state: position.lossScale)
    update.refreshValues()
  }

  /// Computes and applies one update. A loss that is not finite is reported, not applied, on all ranks alike.
  package func run() throws -> Outcome {
    rank.status.note(step: position.step + 1)
    let size = globalBatch, first = position.consumedSamples
    let scale = config.training.precision.needsLossScale ? lossScale.scale : 1
    let tokens = size * config.tokensPerSample
    let targets = try begin(feeder, step: position.step, samples: first..<first + size)
    let sums = engine.run(
      microbatches: feeder.count, weights: targets.weights(scale: scale),
      completed: { update.complete(from: $0) }
    ) { feeder[$0] }
    let squares = timeline.measure("gradient sums", "optimizer", rank: rank.index) { update.sumGradients() }
    let total = total(sums, and: squares)
    let losses = targets.means(total)
    let norm = GradientNorm(total[3].squareRoot() / scale)
    let rate = schedule.rate(step: position.updates + 1)
    let verdict = verdict(losses.total, norm)
    let outcome = Outcome(
      losses: losses, gradientNorm: norm, learningRate: rate, tokens: tokens, verdict: verdict,
      samples: first..<first + size)
    switch verdict {
    case .failed, .rollback: return outcome
    case .applied: apply(norm, rate: rate, gradientScale: 1 / scale)
    case .overflowed, .skipped: update.skip()
    }
    if config.training.precision.needsLossScale, verdict != .skipped {
      lossScale.update(overflowed: verdict == .overflowed)
      position.lossScale = lossScale.state
    }
    note(losses.total, verdict)
    position.step += 1
    position.consumedSamples += size
    position.consumedTokens += tokens
    return outcome
  }

  /// The targets that all ranks have read together.
  private struct TargetCounts {
    let tokens: Double
    let labels: Double

    /// Every loss weighs alike in the mean over the whole batch, however it is divided.
    func weights(scale: Double) -> LossWeights {
      LossWeights(token: Float(scale / max(1, tokens)), label: Float(scale / max(1, labels)))
    }

    func means(_ sums: SIMD4<Double>) -> MeanLosses {
      MeanLosses(tokens: sums[0], of: tokens, labels: sums[1], of: labels, correct: sums[2])
    }
  }

  /// Reads the microbatches of `samples` and counts their targets on all ranks.
  private func begin(_ feeder: Feeder, step: Int?, samples: Range<Int>) throws -> TargetCounts {
    let counts = try feeder.begin(step: step, samples: samples)
    // Of the ranks that read the same samples, one tells.
    let tells = rank.tensor.rank == 0 && model.embedding != nil ? 1.0 : 0
    let total = rank.world.sum(
      [tells * Double(counts.tokens), tells * Double(counts.labels), 0, 0], on: model.device)
    return TargetCounts(tokens: total[0], labels: total[1])
  }

  /// The sums over all ranks; tensor ranks know the same losses, and one of them tells.
  private func total(_ sums: PipelineEngine.LossSums, and squares: Double = 0) -> SIMD4<Double> {
    let tells = rank.tensor.rank == 0 ? 1.0 : 0
    return rank.world.sum(
      [tells * sums.tokens, tells * sums.labels, tells * Double(sums.correctLabels), squares],
      on: model.device)
  }

  /// What to do with an update, the same on every rank: all know the same numbers.
  private func verdict(_ loss: Double, _ norm: GradientNorm) -> Verdict {
    let isFinite = loss.isFinite && norm.isFinite
    // At the smallest scale there is nothing left to try.
    if !isFinite, loss.isFinite, config.training.precision.needsLossScale,
      lossScale.scale > config.lossScale.minimum
    {
      return .overflowed
    }
    if isFinite, !config.recovery.isSpike(loss, after: position.recentLosses ?? []) { return .applied }
    guard (position.recoveries ?? 0) < config.recovery.limit else { return .failed }
    switch config.recovery.action {
    case .stop: return .failed
    case .skip: return .skipped
    case .rollback: return .rollback
    }
  }

  private func note(_ loss: Double, _ verdict: Verdict) {
    if verdict == .skipped { position.recoveries = (position.recoveries ?? 0) + 1 }
    guard config.recovery.spikeFactor > 0, verdict == .applied else { return }
    position.recentLosses = (position.recentLosses ?? []).suffix(config.recovery.spikeWindow - 1) + [loss]
  }

  /// Goes on from `position`, where a checkpoint has been restored, behind the samples of `outcome`.
  func passOver(_ outcome: Outcome, recoveries: Int) {
    let passed = max(0, outcome.samples.upperBound - position.consumedSamples)
    position.consumedSamples += passed
    position.consumedTokens += passed * config.tokensPerSample
    position.recoveries = recoveries
  }

  /// Mean losses of the first `count` samples of `loader` over the whole mesh.
  package func heldOutLosses(_ loader: Loader, samples count: Int) throws -> MeanLosses {
    let held = Feeder(config, model, loader, rank)
    let targets = try begin(held, step: nil, samples: 0..<count)
    return targets.means(total(engine.losses(microbatches: held.count) { held[$0] }))
  }

  /// Reads the next batch and drops it: data that the model cannot take shows before a run begins.
  func checkData() throws {
    guard position.step < config.training.steps else { return }
    let first = position.consumedSamples
    _ = try feeder.begin(step: position.step, samples: first..<first + config.training.microbatch)
  }

  private func apply(_ norm: GradientNorm, rate: Double, gradientScale: Double) {
    timeline.measure("update", "optimizer", rank: rank.index) {
      position.updates += 1
      let clip = config.optimizer.clip > 0 ? norm.clipCoefficient(maximum: config.optimizer.clip) : 1
      update.apply(step: position.updates, learningRate: rate, gradientScale: gradientScale * clip)
    }
  }
}
