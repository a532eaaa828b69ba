import Checkpoints
import Foundation
import Recipes
import Testing

@testable import Training

/// What a run refuses, in sentences that say what to do, before it writes anything.
@Suite struct RefusalTests {
  let tiny: TinyRun

  init() throws { tiny = try TinyRun() }

  struct Broken: Sendable, CustomTestStringConvertible {
    /// What the sentence must name.
    let words: [String]
    let change: @Sendable (inout RunConfig) -> Void
    var testDescription: String { words.joined(separator: ", ") }

    init(_ words: String..., change: @escaping @Sendable (inout RunConfig) -> Void) {
      self.words = words
      self.change = change
    }
  }

  static let broken: [Broken] = [
    Broken("model.layers", "0") { $0.model.layers = 0 },
    Broken("model.width 16", "model.heads 3") { $0.model.heads = 3 },
    Broken("model.key_value_heads 3") { $0.model.keyValueHeads = 3 },
    Broken("model.vocabulary", "-1") { $0.model.vocabulary = -1 },
    Broken("model.dropout", "1.0") { $0.model.dropout = 1 },
    Broken("model.norm_epsilon") { $0.model.normEpsilon = 0 },
    Broken("model.initial_deviation") { $0.model.initialDeviation = -1 },
    Broken("model.rotary_fraction", "0.4") {
      $0.model.positions = .rotary
      $0.model.rotaryFraction = 0.4
    },
    Broken("model.width", "4611686018427387904") { $0.model.width = 1 << 62 },
    Broken("training.steps", "0") { $0.training.steps = 0 },
    Broken("training.steps", "9223372036854775807") { $0.training.steps = .max },
    Broken("training.threads") { $0.training.threads = 0 },
    Broken("training.sequence_length", "1 ...") { $0.training.sequenceLength = 0 },
    Broken("training.seed") { $0.training.seed = -1 },
    Broken("training.evaluation_interval") { $0.training.evaluationInterval = -1 },
    Broken("training.evaluation_sequences") { $0.training.evaluationSequences = 0 },
    Broken("training.global_batch 4", "training.microbatch 3", "microbatch of 2") {
      $0.training.microbatch = 3
    },
    Broken("training.sequence_length 17", "model.context 16") { $0.training.sequenceLength = 17 },
    Broken("data.prefix", "data.blend") { $0.data.blend = [DataConfig.Component()] },
    Broken("data.blend", "weight -1") {
      var component = DataConfig.Component()
      component.prefix = "other"
      component.weight = -1
      $0.data.blend = [component]
      $0.data.prefix = nil
    },
    Broken("data.split", "nonsense") { $0.data.split = "nonsense" },
    Broken("optimizer.beta2") { $0.optimizer.beta2 = 1 },
    Broken("schedule.warmup_steps") { $0.schedule.warmupSteps = -1 },
    Broken("schedule.minimum_learning_rate") { $0.schedule.minimumLearningRate = 1 },
    Broken("batch_ramp.increment") {
      $0.batchRamp.samples = 8
      $0.batchRamp.start = 2
      $0.batchRamp.increment = 4
    },
    Broken("batch_ramp.start 3", "batch_ramp.increment 1", "training.microbatch 2") {
      $0.batchRamp.samples = 8
      $0.batchRamp.start = 3
      $0.batchRamp.increment = 1
    },
    Broken("loss_scale.hysteresis") { $0.lossScale.hysteresis = 0 },
    Broken("checkpoint.interval") { $0.checkpoint.interval = -1 },
    Broken("checkpoint.keep.last") { $0.checkpoint.keep.last = -1 },
  ]

  @Test("every rule of a recipe names its fields, what was got and what would work", arguments: broken)
  func rules(broken: Broken) throws {
    let failure = #expect(throws: RecipeFailure.self) {
      try TrainingRun(tiny.config("run", broken.change), resuming: false)
    }
    let sentences = try #require(failure).sentences
    #expect(sentences.contains { sentence in broken.words.allSatisfy(sentence.contains) }, "\(sentences)")
    #expect(!tiny.exists("run"))
  }

  @Test("a sound recipe breaks no rule; several broken ones are reported together")
  func together() throws {
    try tiny.config("run").validate()
    let failure = #expect(throws: RecipeFailure.self) {
      try tiny.config("run") {
        $0.training.microbatch = 3
        $0.optimizer.beta1 = 2
      }.validate()
    }
    #expect(try #require(failure).sentences.count == 2)
  }

  func sentence(_ config: RunConfig, resuming: Bool = false) throws -> String {
    let failure = #expect(throws: (any Error).self) { try TrainingRun(config, resuming: resuming).train() }
    return try "\(#require(failure))"
  }

  @Test("a vocabulary that does not hold the data's is refused")
  func vocabulary() throws {
    try tiny.describe(vocabulary: TinyRun.vocabulary)
    let small = try sentence(tiny.config("run") { $0.model.vocabulary = 31 })
    #expect(small.contains("32 tokens") && small.contains("model.vocabulary is 31"), "\(small)")
    #expect(!tiny.exists("run"))
    let automatic = try TrainingRun(tiny.config("run") { $0.model.vocabulary = 0 }, resuming: false)
    #expect(automatic.config.model.vocabulary == 128)
  }

  @Test("a dataset that says nothing of its vocabulary is checked as it is read")
  func strayToken() throws {
    let sentence = try sentence(tiny.config("run") { $0.model.vocabulary = 24 })
    #expect(sentence.contains("data.prefix") && sentence.contains("24") && !tiny.exists("run"), "\(sentence)")
    let unknown = try self.sentence(tiny.config("other") { $0.model.vocabulary = 0 })
    #expect(unknown.contains("set model.vocabulary") && !tiny.exists("other"), "\(unknown)")
  }

  @Test("data that is not there, or not named, is refused before anything is written")
  func missingData() throws {
    #expect(try sentence(tiny.config("run") { $0.data.prefix = nil }).contains("data.prefix"))
    let missing = try sentence(tiny.config("run") { $0.data.prefix = "\(tiny.path)/absent" })
    #expect(missing.contains("\(tiny.path)/absent.idx"), "\(missing)")
    #expect(try sentence(tiny.config("run") { $0.data.split = "0,100,0" }).contains("corpus"))
    #expect(!tiny.exists("run"))
  }

  @Test("a run that stands is not trained over by mistake")
  func existing() throws {
    let config = tiny.config("run")
    try TrainingRun(config, resuming: false).train(until: 3)
    let before = try tiny.metrics("run")
    let sentence = try sentence(config)
    #expect(sentence.contains("\(tiny.path)/run already holds a run") && sentence.contains("--resume"))
    #expect(try tiny.metrics("run") == before)
  }

  @Test("a damaged shard is named, and the checkpoint before it offered")
  func damagedShard() throws {
    let config = tiny.config("run") { $0.checkpoint.interval = 3 }
    try TrainingRun(config, resuming: false).train(until: 7)
    let checkpoints = try CheckpointStore("\(tiny.path)/run/checkpoints").scan().checkpoints
    #expect(checkpoints.map(\.step) == [7, 6, 3])
    let shard = "\(checkpoints[0].path)/shard-00001.safetensors"
    var bytes = try Data(contentsOf: URL(filePath: shard))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(filePath: shard))
    let before = try tiny.metrics("run")
    let sentence = try sentence(config, resuming: true)
    #expect(
      sentence.contains("shard-00001.safetensors") && sentence.contains(checkpoints[0].path), "\(sentence)")
    #expect(sentence.contains(checkpoints[1].path), "\(sentence)")
    #expect(try tiny.metrics("run") == before)
    // As told: move it away and go on.
    try FileManager.default.moveItem(atPath: checkpoints[0].path, toPath: "\(tiny.path)/away")
    let run = try TrainingRun(config, resuming: true)
    #expect(run.resumedFrom?.step == 6)
    #expect(try run.train().position.step == 12)
  }

  @Test("a checkpoint of another shape is refused")
  func otherShape() throws {
    try TrainingRun(tiny.config("run"), resuming: false).train(until: 2)
    let sentence = try sentence(tiny.config("run") { $0.model.width = 32 }, resuming: true)
    #expect(
      sentence.contains("does not fit the model") && sentence.contains("embedding.tokens.weight"),
      "\(sentence)")
  }
}
