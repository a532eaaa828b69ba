import CAllocations
import Checkpoints
import Corpus
import Foundation
import Layers
import Models
import Optimizers
import Tensors
import Testing

@testable import Training

@Suite struct TrainingRunTests {
  let tiny: TinyRun

  init() throws { tiny = try TinyRun() }

  @Test("the loss falls, on what is learned from and on what is held out", arguments: Precision.allCases)
  func learns(precision: Precision) throws {
    let run = try TrainingRun(
      tiny.config("run") {
        $0.training.steps = 60
        $0.training.precision = precision
        $0.telemetry.timeline = true
        $0.telemetry.tensorboard = true
      }, resuming: false)
    let summary = try run.train()
    let first = try #require(summary.losses.first), last = try #require(summary.lastLoss)
    // log 32 = 3.47 of one who knows nothing.
    #expect(abs(first - 3.47) < 0.1 && last < 2)
    #expect(try #require(summary.heldOutLoss) < 2.4)
    #expect(summary.position.consumedTokens == 60 * 4 * 16 && summary.heldOutBitsPerByte == nil)
    for name in ["recipe.yaml", "metrics.jsonl", "loss.svg", "timeline.json", "model/model.yaml"] {
      #expect(tiny.exists("run/\(name)"), "\(name)")
    }
    #expect(try tiny.names(in: "run/tensorboard").count == 1)
    let metrics = try tiny.metrics("run")
    #expect(metrics.compactMap { $0["step"] ?? nil } == (1...60).map(Double.init))
    #expect(metrics.count { $0["held_out_loss"] != nil } == 12)
  }

  @Test(
    "the held-out loss is the mean over as many sequences as asked for, whatever the batch",
    arguments: [1, 3, 27])
  func heldOut(sequences: Int) throws {
    let run = try TrainingRun(tiny.config("run"), resuming: false)
    let loader = try #require(run.data.heldOut)
    #expect(loader.samples.count == 27)
    func loss(_ count: Int, batch: Int) throws -> Double {
      let config = tiny.config("run") { $0.training.microbatch = batch }
      return try TrainStep(config, model: run.model, loader: loader).heldOutLosses(loader, samples: count)
        .total
    }
    let whole = try loss(sequences, batch: 27)
    #expect(try abs(loss(sequences, batch: 2) - whole) < 1e-6)
    #expect(try sequences == 27 || loss(27, batch: 27) != whole)
  }

  @Test(
    "a step in steady state takes no memory from the system, the heap included", arguments: Precision.allCases
  )
  func steadyState(precision: Precision) throws {
    let run = try TrainingRun(
      tiny.config("run") {
        $0.training.precision = precision
        $0.model.dropout = 0.1
      }, resuming: false)
    for _ in 0..<2 { _ = try run.step.run() }
    let misses = run.model.device.misses, before = allocations_of_this_thread()
    for _ in 0..<8 { _ = try run.step.run() }
    // Of reading, forward, backward, norm and optimizer.
    let allocations = allocations_of_this_thread() - before
    #expect(allocations == 0)
    #expect(run.model.device.misses == misses)
  }

  /// One sample for ever.
  struct Same: Samples {
    let sequenceLength = 16
    let count = 1000
    func append(_ index: Int, to batch: inout Batch) {
      batch.tokens += (0...16).map { $0 * 3 % 31 }
      batch.shiftTargets()
    }
  }

  @Test(
    "each step and microbatch drops others, and nothing is dropped where nothing is asked",
    arguments: [0, 0.2])
  func dropout(probability: Double) throws {
    func losses(batch: Int) throws -> [Double] {
      let config = tiny.config("run") {
        $0.model.dropout = probability
        $0.schedule.learningRate = 1e-30
        $0.schedule.minimumLearningRate = 0
        $0.training.globalBatch = batch
        $0.training.microbatch = 1
      }
      let model = Transformer(config.model, on: Device(threads: 1))
      model.store.initialize(seed: 1)
      let step = TrainStep(config, model: model, loader: Loader(Same()))
      return try (0..<3).map { _ in try step.run().loss }
    }
    let one = try losses(batch: 1), two = try losses(batch: 2)
    let isSame = probability == 0
    #expect(Set(one).count == (isSame ? 1 : 3))
    #expect((one[0] == two[0]) == isSame, "the second microbatch of a step draws its own")
    #expect(try losses(batch: 1) == one)
  }

  @Test("a parameter that is not a number stops the run: step and parameter named, nothing applied")
  func poisoned() throws {
    try poison()
    // And the run goes on from its newest checkpoint.
    let resumed = try TrainingRun(tiny.config("run"), resuming: true)
    #expect(resumed.resumedFrom?.step == 4)
    #expect(try resumed.train().position.step == 12)
  }

  /// Runs into a NaN at step 6.
  private func poison() throws {
    let run = try TrainingRun(tiny.config("run") { $0.checkpoint.interval = 2 }, resuming: false)
    var before: RunState?
    let failure = #expect(throws: TrainingFailure.self) {
      try run.train(shouldStop: {
        if run.step.position.step == 5, before == nil {
          let parameters = run.model.store.named(in: run.model.store.values)
          parameters.first { $0.name == "layers.1.mlp.up.weight" }?.tensor.rows(0..<1).fill(.nan)
          before = RunState(run.step)
        }
        return false
      })
    }
    let sentence = try #require(failure).description
    #expect(sentence.contains("step 6") && sentence.contains("layers.1.mlp.up.weight"), "\(sentence)")
    #expect(sentence.contains("failed-step-6.json"), "\(sentence)")
    #expect(RunState(run.step) == before)
    #expect(try CheckpointStore("\(tiny.path)/run/checkpoints").latest()?.step == 4)
    #expect(!tiny.exists("run/model"))
    let data = try Data(contentsOf: URL(filePath: "\(tiny.path)/run/failed-step-6.json"))
    let evidence = try JSONDecoder().decode(Evidence.self, from: data)
    #expect(evidence.step == 6 && evidence.loss == "nan")
    #expect(evidence.firstSample == 20 && evidence.sampleCount == 4)
    #expect(evidence.parametersWithBadValues == ["layers.1.mlp.up.weight"])
    #expect(!evidence.parametersWithBadGradients.isEmpty)
  }

  @Test("an overflow in f16 skips the update and halves the scale, then training goes on")
  func overflow() throws {
    let config = tiny.config("run") {
      $0.training.precision = .f16
      $0.lossScale.initial = $0.lossScale.maximum
      $0.lossScale.hysteresis = 1
    }
    let run = try TrainingRun(config, resuming: false)
    let before = RunState(run.step)
    let outcome = try run.step.run()
    #expect(outcome.verdict == .overflowed && outcome.loss.isFinite && !outcome.gradientNorm.isFinite)
    let after = RunState(run.step)
    #expect(after.master == before.master && after.optimizer == before.optimizer)
    #expect(run.step.position.step == 1 && run.step.position.updates == 0)
    let state = try #require(run.step.position.lossScale)
    #expect(DynamicLossScale(config.lossScale, state: state).scale == config.lossScale.maximum / 2)
    #expect(run.step.model.store.gradients.floats.allSatisfy { $0 == 0 })
    let summary = try run.train()
    #expect(summary.position.step == 12)
    #expect(summary.position.updates > 0 && summary.position.updates < 12)
  }

  @Test("gradients that overflow at the smallest scale stop the run instead of skipping for ever")
  func hopelessOverflow() throws {
    let run = try TrainingRun(
      tiny.config("run") {
        $0.training.precision = .f16
        $0.lossScale.initial = 16_777_216
        $0.lossScale.minimum = 16_777_216
      }, resuming: false)
    let failure = #expect(throws: TrainingFailure.self) { try run.train() }
    #expect(try #require(failure).description.contains("step 1"))
  }

  @Test("targets behind an end of text count nothing, and the gradient is that of the mean over the others")
  func masked() throws {
    let plain = try TrainingRun(tiny.config("plain"), resuming: false).step.run()
    try tiny.describe(vocabulary: TinyRun.vocabulary, endOfText: 3)
    let run = try TrainingRun(tiny.config("masked") { $0.data.masksEndOfText = true }, resuming: false)
    // The same batch at once, weighed by what is scored.
    let model = try TrainingRun(tiny.config("other") { $0.data.masksEndOfText = true }, resuming: false).model
    var batch = Batch()
    try run.data.loader.read(consumed: 0, size: 4, into: &batch)
    let scored = batch.targets.count { $0 >= 0 }
    #expect(scored < 64 && scored > 48)
    let microbatch = Microbatch(
      ids: Tensor(batch.tokens, Shape(64), on: model.device),
      positions: Tensor((0..<64).map { Int32($0 % 16) }, Shape(64), on: model.device), sequences: 4,
      length: 16)
    let losses = try #require(
      model.lossesAndGradients(
        microbatch, Targets(tokens: batch.targets, on: model.device),
        weights: LossWeights(token: 1 / Float(scored))
      ).tokens)
    let norm = GradientNorm(of: model.store.gradients).value
    let outcome = try run.step.run()
    #expect(outcome.loss != plain.loss && abs(outcome.loss - losses.sum / Double(scored)) < 1e-6)
    #expect(abs(outcome.gradientNorm.value / norm - 1) < 1e-5)
    #expect(run.data.bytesPerToken == 3)
  }

  @Test("a model opens from its directory, from its run, and from a run that is not finished")
  func trainedModel() throws {
    let config = tiny.config("run")
    let atFive = try {
      let run = try TrainingRun(config, resuming: false)
      try run.train(until: 5)
      return RunState(run.step)
    }()
    let device = Device(threads: 1), path = "\(tiny.path)/run"
    let unfinished = try TrainedModel(path)
    #expect(unfinished.step == 5)
    #expect(RunState.bits(try unfinished.load(on: device).store.values) == atFive.values)
    let rest = try TrainingRun(config, resuming: true)
    try rest.trainToEnd()
    for place in [path, "\(path)/model"] {
      let finished = try TrainedModel(place)
      #expect(finished.step == nil && finished.tokenizerPath == "\(path)/model")
      #expect(
        RunState.bits(try finished.load(on: device).store.values) == RunState.bits(rest.model.store.values))
    }
    let failure = #expect(throws: (any Error).self) { try TrainedModel("\(tiny.path)/nothing") }
    #expect(try "\(#require(failure))".contains("nothing: expected a model directory"))
  }
}
