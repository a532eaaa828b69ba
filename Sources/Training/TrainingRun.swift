import Checkpoints
import Corpus
import FoundationEssentials
import Models
import Optimizers
import Recipes
import Telemetry
import Tensors

/// A run from its recipe to the finished model: data, steps, checkpoints, records.
package final class TrainingRun {
  package let config: RunConfig
  package let directory: RunDirectory
  package let model: Decoder
  package let step: TrainStep
  package let data: TrainingData
  private let checkpoints: AsyncCheckpointWriter
  private let records: RunRecords
  private let heldOut: HeldOut?
  private let timeline: Timeline
  /// Whether the run goes on from a checkpoint.
  package let resumedFrom: Checkpoint?
  /// Newer checkpoints that cannot be used, a sentence each.
  package let passedOver: [String]

  /// What a run came to.
  package struct Summary {
    package let position: TrainStep.Position
    package let parameters: Int
    package let lastLoss: Double?
    package let heldOutLoss: Double?
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
    /// Whether it was asked to stop before its last step.
    package let isInterrupted: Bool
  }

  /// Prepares a run: checks the recipe, opens the data, builds or restores the model. Nothing is written
  /// before everything has been checked.
  ///
  /// - Parameters:
  ///   - resuming: goes on from the newest checkpoint in the run's directory, if there is one.
  ///   - metrics: where the metrics file goes; nil: into the run's directory.
  package init(_ recipe: RunConfig, resuming: Bool, metrics: String? = nil) throws {
    try recipe.validate()
    var config = recipe
    data = try TrainingData(config)
    config.model.vocabulary = try data.vocabulary(for: config)
    self.config = config
    directory = RunDirectory(config.checkpoint.directory)
    if directory.exists, !resuming {
      throw TrainingFailure(
        "\(directory.path) already holds a run: add --resume to go on with it, or name another place with "
          + "--set checkpoint.directory=…")
    }
    model = try Self.model(config)
    timeline = config.telemetry.timeline ? Timeline(directory.timeline) : .off
    step = TrainStep(config, model: model, loader: data.loader, timeline: timeline)
    heldOut = data.heldOut.map {
      HeldOut(
        $0, sequences: config.training.evaluationSequences, batchSize: config.training.microbatch)
    }
    try step.checkData()
    try directory.create()
    // Before the checkpoints are looked at: the writer puts right what a killed run left behind.
    checkpoints = AsyncCheckpointWriter(
      try CheckpointWriter(directory.checkpoints, keep: config.checkpoint.keep))
    directory.removeLeftovers()
    let found = try CheckpointStore(directory.checkpoints).scan()
    resumedFrom = resuming ? found.checkpoints.first : nil
    passedOver = resuming ? found.damaged.map(\.description) : []
    if let resumedFrom { try Self.restore(resumedFrom, into: step) }
    records = try RunRecords(
      metrics: metrics ?? directory.metrics,
      tensorboard: config.telemetry.tensorboard ? directory.tensorboard : nil,
      resumingAfter: resuming ? step.position.step : nil)
    try directory.write(config)
  }

  /// The model with its first weights; throws when it does not fit this machine.
  private static func model(_ config: RunConfig) throws -> Decoder {
    try config.checkMemory()
    let device = Device(threads: config.training.threads ?? Device.processorCount)
    let model = Decoder(config.model, recompute: config.training.recompute, on: device)
    try config.checkMemory(model)
    if let initial = config.training.initialModel {
      try ModelDirectory.readWeights(at: initial, into: model)
    } else {
      model.store.initialize(seed: UInt64(config.training.seed))
    }
    return model
  }

  /// Updates that warm up caches and pool before a profile begins.
  private static let warmup = 2

  /// Trains to the last step, or until `shouldStop` says so between two steps, which also writes a checkpoint.
  package func train(isProfiled: Bool = false, shouldStop: () -> Bool = { false }) throws -> Summary {
    let started = ContinuousClock.now
    let meter = Meter(config, model: model, done: step.position.step)
    var lastHeldOut: Double?
    var isInterrupted = false
    let profile = isProfiled ? Profile() : nil
    let firstProfiled = step.position.step + Self.warmup
    while step.position.step < config.training.steps {
      if shouldStop() {
        isInterrupted = true
        break
      }
      let profile = step.position.step < firstProfiled ? nil : profile
      let (outcome, duration) = try measured {
        try profile?.measureStep(on: model.device) { try step.run() } ?? step.run()
      }
      guard outcome.isSkipped || (outcome.loss.isFinite && outcome.gradientNorm.isFinite) else {
        meter.finish()
        let failure = try Evidence(outcome, of: step).write(to: directory)
        try checkpoints.finish()
        throw failure
      }
      let number = step.position.step
      var extras: [Scalar] = []
      if isDue(config.training.evaluationInterval, number), let heldOut {
        let loss = try timeline.measure("held-out loss", "evaluation") { try heldOut.loss(of: model) }
        lastHeldOut = loss
        extras.append(Scalar("held_out_loss", loss))
      }
      try records.write(outcome, step: number, duration: duration, extras: extras)
      meter.update(outcome, step: number, duration: duration)
      if isDue(config.checkpoint.interval, number) || number == config.training.steps { try save() }
    }
    if isInterrupted { try save() }
    try checkpoints.finish()
    meter.finish()
    try records.drawCurve(to: directory.lossCurve, title: directory.path)
    try timeline.finish()
    if !isInterrupted { try writeModel() }
    return summary(meter, lastHeldOut, profile, started: started, isInterrupted: isInterrupted)
  }

  private func isDue(_ interval: Int, _ number: Int) -> Bool {
    interval > 0 && (number % interval == 0 || number == config.training.steps)
  }

  private func measured<T>(_ body: () throws -> T) rethrows -> (T, Duration) {
    let start = ContinuousClock.now
    let value = try body()
    return (value, ContinuousClock.now - start)
  }

  // MARK: Checkpoints

  private static let positionFile = "position.json"

  /// What a checkpoint holds: master weights and the optimizer's state, by parameter name.
  private static func tensors(of step: TrainStep) -> [NamedTensor] {
    let store = step.model.store
    let state = step.optimizer.state.flatMap { arena in
      store.named(in: arena.tensor).map { NamedTensor("\(arena.name).\($0.name)", $0.tensor) }
    }
    return store.named(in: step.precision.master) + state
  }

  private static func restore(_ checkpoint: Checkpoint, into step: TrainStep) throws {
    do {
      try checkpoint.restore(tensors(of: step))
      let text = try checkpoint.state(positionFile)
      step.resume(at: try JSONDecoder().decode(TrainStep.Position.self, from: Data(text.utf8)))
    } catch let failure as CheckpointFailure {
      throw TrainingFailure(
        "cannot resume from \(checkpoint.path): \(failure)")
    }
  }

  private func save() throws {
    try timeline.measure("checkpoint", "checkpoint") {
      let position = String(decoding: try JSONEncoder().encode(step.position), as: UTF8.self)
      try checkpoints.save(
        step: step.position.step, tensors: Self.tensors(of: step), state: [Self.positionFile: position])
    }
  }

  private func writeModel() throws {
    try ModelDirectory.write(model, to: directory.model)
    try data.tokenizer?.copy(to: directory.model)
  }

  private func summary(
    _ meter: Meter, _ heldOutLoss: Double?, _ profile: Profile?, started: ContinuousClock.Instant,
    isInterrupted: Bool
  ) -> Summary {
    Summary(
      position: step.position, parameters: model.store.parameterCount, lastLoss: records.losses.last,
      heldOutLoss: heldOutLoss,
      heldOutBitsPerByte: heldOutLoss.flatMap { loss in
        data.bytesPerToken.map { loss / 0.6931471805599453 / $0 }
      },
      duration: ContinuousClock.now - started, tokensPerSecond: meter.tokensPerSecond,
      utilisation: meter.utilisation, peakMemory: Device.peakResidentBytes, losses: records.losses,
      // Behind the peak memory, to which the ceilings' own does not belong.
      profile: profile.flatMap { StepProfile($0, of: model, peak: meter.peak) },
      isInterrupted: isInterrupted)
  }
}
