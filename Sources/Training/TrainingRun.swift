import Checkpoints
import Collectives
import Corpus
import FoundationEssentials
import Models
import Optimizers
import Recipes
import Telemetry
import Tensors

/// A run from its recipe to the finished model, as one rank of it: data, steps, checkpoints, records.
///
/// Every rank makes one and calls the same methods; rank 0 keeps the run's directory and speaks for all.
package final class TrainingRun {
  package let config: RunConfig
  package let directory: RunDirectory
  package let model: Transformer
  package let step: TrainStep
  package let data: TrainingData
  package let rank: Rank
  private let checkpoints: RunCheckpoints
  /// On rank 0.
  private var records: RunRecords?
  private let metrics: String?
  private let timeline: Timeline
  /// Whether the timeline is this rank's own and not shared.
  private let writesTimeline: Bool
  /// Whether the run goes on from a checkpoint.
  package let resumedFrom: Checkpoint?
  /// Newer checkpoints that cannot be used, a sentence each.
  package let passedOver: [String]

  /// What a run came to.
  package struct Summary {
    package let position: TrainStep.Position
    package let parameters: Int
    package let lastLoss: Double?
    package let heldOut: MeanLosses?
    package var heldOutLoss: Double? { heldOut?.total }
    /// In nats per token, over ln 2 and the bytes of a token; nil where nobody knows those.
    package let heldOutBitsPerByte: Double?
    /// Of this process, not of the steps before a resumption.
    package let duration: Duration
    package let tokensPerSecond: Double
    package let utilisation: Double
    package let peakMemory: Int
    package let losses: [Double]
    /// Of this process's updates after the first two, where asked for.
    package let profile: StepProfile?
    /// The share of the time of the updates in which this rank waited for others; nil where there are none.
    package let exposedCommunication: Double?
    /// Whether it was asked to stop before its last step.
    package let isInterrupted: Bool
  }

  /// Prepares a run: checks the recipe, opens the data, builds or restores the model. Nothing is written
  /// before everything has been checked.
  ///
  /// - Parameters:
  ///   - resuming: goes on from the newest checkpoint in the run's directory, if there is one.
  ///   - metrics: where the metrics file goes; nil: into the run's directory.
  ///   - rank: which rank of the run this is.
  ///   - timeline: shared by the ranks of a process; nil: as the recipe says.
  ///   - checkMemory: throws what cannot fit, before memory is taken; called with the vocabulary known.
  package init(
    _ recipe: RunConfig, resuming: Bool, metrics: String? = nil, rank: Rank = .single,
    timeline: Timeline? = nil, checkMemory: (RunConfig, Rank) throws -> Void = { _, _ in }
  ) throws {
    try recipe.validate(ranks: rank.mesh.rankCount)
    var config = recipe
    data = try TrainingData(config)
    config.model.vocabulary = try data.vocabulary(for: config)
    try config.validate(ranks: rank.mesh.rankCount)
    self.config = config
    self.rank = rank
    self.metrics = metrics
    directory = RunDirectory(config.checkpoint.directory)
    if rank.isFirst, directory.exists, !resuming {
      throw TrainingFailure(
        "\(directory.path) already holds a run: add --resume to go on with it, or name another place with "
          + "--set checkpoint.directory=…")
    }
    // A run that goes on needs no weights to begin with.
    let goesOn = try resuming && CheckpointStore(directory.checkpoints).latest() != nil
    try checkMemory(config, rank)
    model = try Self.model(config, rank, initial: goesOn ? nil : config.training.initialModel)
    writesTimeline = timeline == nil
    self.timeline = timeline ?? (config.telemetry.timeline ? Timeline(directory.timeline(rank.index)) : .off)
    step = TrainStep(config, model: model, loader: data.loader, rank: rank, timeline: self.timeline)
    try step.checkData()
    checkpoints = try RunCheckpoints(config, directory, rank, model.device)
    resumedFrom = resuming ? try checkpoints.newest() : nil
    passedOver = resuming ? checkpoints.damaged : []
    if let resumedFrom { try checkpoints.restore(resumedFrom, into: step) }
    guard rank.isFirst else {
      records = nil
      return
    }
    records = try Self.records(config, directory, metrics, after: resuming ? step.position.step : nil)
    try directory.write(config)
  }

  private static func records(
    _ config: RunConfig, _ directory: RunDirectory, _ metrics: String?, after step: Int?
  ) throws -> RunRecords {
    try RunRecords(
      metrics: metrics ?? directory.metrics,
      tensorboard: config.telemetry.tensorboard ? directory.tensorboard : nil, resumingAfter: step)
  }

  /// The rank's part of the model with its first weights.
  private static func model(_ config: RunConfig, _ rank: Rank, initial: String?) throws -> Transformer {
    let device = Device(threads: config.threads(of: rank))
    let model = config.model(of: rank, on: device)
    // A new head on a pretrained encoder keeps these.
    model.store.initialize(seed: UInt64(config.training.seed))
    if let initial {
      try ModelDirectory.readWeights(at: initial, into: model, forNewTask: config.model.classes > 0)
    }
    return model
  }

  /// Updates that warm up caches and pool before a profile begins.
  private static let warmup = 2

  /// Trains to the last step, or until `shouldStop` says so between two steps, which also writes a checkpoint.
  package func train(isProfiled: Bool = false, shouldStop: () -> Bool = { false }) throws -> Summary {
    let started = ContinuousClock.now
    let meter = Meter(config, model: model, rank, done: step.position.step)
    let exposedBefore = rank.exposed
    var lastHeldOut: MeanLosses?
    var isInterrupted = false
    let profile = isProfiled ? Profile() : nil
    let firstProfiled = step.position.step + Self.warmup
    while step.position.step < config.training.steps {
      if isAgreed(shouldStop()) {
        isInterrupted = true
        break
      }
      let profile = step.position.step < firstProfiled ? nil : profile
      let (outcome, duration) = try measured {
        try profile?.measureStep(on: model.device) { try step.run() } ?? step.run()
      }
      switch outcome.verdict {
      case .applied, .overflowed: break
      case .skipped: say(outcome, "its samples are passed over")
      case .rollback:
        try returnToCheckpoint(outcome)
        continue
      case .failed:
        meter.finish()
        throw try fail(outcome)
      }
      let number = step.position.step
      var measured: MeanLosses?
      if isDue(config.training.evaluationInterval, number), let heldOut = data.heldOut {
        measured = try timeline.measure("held-out loss", "evaluation", rank: rank.index) {
          try step.heldOutLosses(
            heldOut, samples: min(config.training.evaluationSequences, heldOut.samples.count))
        }
        lastHeldOut = measured
      }
      try records?.write(outcome, step: number, duration: duration, heldOut: measured)
      meter.update(outcome, step: number, duration: duration)
      if isDue(config.checkpoint.interval, number) || number == config.training.steps { try save() }
    }
    if isInterrupted { try save() }
    try checkpoints.finish()
    meter.finish()
    try records?.drawCurve(to: directory.lossCurve, title: directory.path)
    if writesTimeline { try timeline.finish() }
    if !isInterrupted { try writeModel() }
    let exposed = (rank.exposed - exposedBefore).seconds / max(1e-9, meter.busy.seconds)
    if rank.mesh.rankCount > 1 {
      try RankLog(rank, model, updates: meter.busy, exposed: rank.exposed - exposedBefore)
        .write(to: directory.rankLog(rank.index))
    }
    // Nobody leaves before rank 0 has written what it writes for all.
    rank.world.barrier(on: model.device)
    return summary(
      meter, lastHeldOut, profile, started: started, exposed: exposed, isInterrupted: isInterrupted)
  }

  /// Whether any rank says so.
  private func isAgreed(_ answer: Bool) -> Bool {
    rank.world.sum([answer ? 1 : 0, 0, 0, 0], on: model.device)[0] > 0
  }

  /// Writes the evidence of a step that cannot be applied, and what is on its way.
  private func fail(_ outcome: TrainStep.Outcome) throws -> TrainingFailure {
    let failure = try Evidence(outcome, of: step).write(to: directory, rank: rank.index)
    try checkpoints.finish()
    // The job ends with the first rank that throws: all have written what they saw.
    rank.world.barrier(on: model.device)
    return failure
  }

  /// Takes up the newest checkpoint, and goes on behind the samples of the step that went wrong.
  private func returnToCheckpoint(_ outcome: TrainStep.Outcome) throws {
    try checkpoints.finish()
    guard let newest = try checkpoints.newest() else { throw try fail(outcome) }
    let recoveries = (step.position.recoveries ?? 0) + 1
    let failed = step.position.step + 1
    step.update.skip()
    try checkpoints.restore(newest, into: step)
    say(outcome, at: failed, "the run returns to step \(newest.step) and goes on behind its samples")
    step.passOver(outcome, recoveries: recoveries)
    records = try records.map { _ in try Self.records(config, directory, metrics, after: step.position.step) }
  }

  private func say(_ outcome: TrainStep.Outcome, at number: Int? = nil, _ what: String) {
    guard rank.isFirst else { return }
    Terminal.standardError.writeLine(
      "step \(number ?? step.position.step): loss \(Brief.fixed(outcome.loss, 4)), gradient norm "
        + "\(Brief.fixed(outcome.gradientNorm.value, 4)): \(what) (samples \(outcome.samples.lowerBound) to "
        + "\(outcome.samples.upperBound - 1))")
  }

  private func isDue(_ interval: Int, _ number: Int) -> Bool {
    interval > 0 && (number % interval == 0 || number == config.training.steps)
  }

  private func measured<T>(_ body: () throws -> T) rethrows -> (T, Duration) {
    let start = ContinuousClock.now
    let value = try body()
    return (value, ContinuousClock.now - start)
  }

  private func save() throws {
    try timeline.measure("checkpoint", "checkpoint", rank: rank.index) { try checkpoints.save(step) }
  }

  private func writeModel() throws {
    try checkpoints.writeModel(step)
    if rank.isFirst { try data.tokenizer?.copy(to: directory.model) }
  }

  private func summary(
    _ meter: Meter, _ heldOut: MeanLosses?, _ profile: Profile?, started: ContinuousClock.Instant,
    exposed: Double, isInterrupted: Bool
  ) -> Summary {
    Summary(
      position: step.position, parameters: Int(config.model.parameterCount), lastLoss: records?.losses.last,
      heldOut: heldOut,
      heldOutBitsPerByte: heldOut.flatMap { losses in
        // An encoder's masked tokens are not the text.
        config.model.kind == .encoder
          ? nil : data.bytesPerToken.map { losses.total / 0.6931471805599453 / $0 }
      },
      duration: ContinuousClock.now - started, tokensPerSecond: meter.tokensPerSecond,
      utilisation: meter.utilisation, peakMemory: Device.peakResidentBytes, losses: records?.losses ?? [],
      // Behind the peak memory, to which the ceilings' own does not belong.
      profile: profile.flatMap {
        StepProfile($0, of: model, peak: meter.peak / Double(rank.mesh.rankCount))
      },
      exposedCommunication: rank.mesh.rankCount == 1 ? nil : exposed, isInterrupted: isInterrupted)
  }
}
