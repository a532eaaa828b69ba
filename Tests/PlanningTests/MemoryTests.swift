import Layers
import Recipes
import Schedules
import Testing
import Topology
import Training

@testable import Planning

@Suite(.serialized) struct MemoryTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let shape: Shapes
    let ranks: Int
    let change: @Sendable (inout RunConfig) -> Void
  }

  static let cases: [Case] = [
    Case(description: "one rank", shape: .gpt2, ranks: 1) { _ in },
    Case(description: "one rank, bf16, recompute selective", shape: .llama, ranks: 1) {
      $0.training.precision = .bf16
      $0.training.recompute = .selective
    },
    Case(description: "one rank, recompute full", shape: .bert, ranks: 1) { $0.training.recompute = .full },
    Case(description: "SGD", shape: .nemotron, ranks: 1) { $0.optimizer.kind = .sgd },
    Case(description: "an encoder that answers questions", shape: .bert, ranks: 2) {
      ($0.model.classes, $0.model.choices) = (1, 4)
      $0.data.prefix = nil
      $0.data.task = TaskConfig()
      $0.data.task?.kind = .race
      $0.data.task?.training = ["questions"]
      $0.mesh.tensor = 2
    },
    Case(description: "TP2", shape: .nemotron, ranks: 2) { $0.mesh.tensor = 2 },
    Case(description: "TP2, sequence parallel", shape: .gpt2, ranks: 2) {
      $0.mesh.tensor = 2
      $0.mesh.sequenceParallel = true
    },
    Case(description: "DP2", shape: .llama, ranks: 2) { $0.mesh.data = 2 },
    Case(description: "DP2 without ZeRO-1", shape: .gpt2, ranks: 2) {
      $0.mesh.data = 2
      $0.mesh.shardOptimizer = false
    },
    Case(description: "PP4", shape: .gpt2, ranks: 4) { $0.mesh.pipeline = 4 },
    Case(description: "PP2 GPipe", shape: .nemotron, ranks: 2) {
      $0.mesh.pipeline = 2
      $0.mesh.schedule = .gpipe
    },
    Case(description: "PP2 in two chunks", shape: .gpt2, ranks: 2) {
      $0.mesh.pipeline = 2
      $0.mesh.interleave = 2
    },
    Case(description: "PP2 zero bubble", shape: .llama, ranks: 2) {
      $0.mesh.pipeline = 2
      $0.mesh.schedule = .zeroBubble
    },
    Case(description: "PP2 zero bubble, recompute full", shape: .gpt2, ranks: 2) {
      $0.mesh.pipeline = 2
      $0.mesh.schedule = .zeroBubble
      $0.training.recompute = .full
    },
    Case(description: "PP4 zero bubble, recompute selective", shape: .nemotron, ranks: 4) {
      $0.mesh.pipeline = 4
      $0.mesh.schedule = .zeroBubble
      $0.training.recompute = .selective
    },
    Case(description: "PP4 GPipe, recompute full", shape: .gpt2, ranks: 4) {
      $0.mesh.pipeline = 4
      $0.mesh.schedule = .gpipe
      $0.training.recompute = .full
      $0.training.microbatch = 1
      // A stage may run ahead of the next; what it has sent and nobody has taken yet is small then.
      $0.model.context = 32
    },
    Case(description: "DP2, gradients travel in bf16", shape: .gpt2, ranks: 2) {
      $0.mesh.data = 2
      $0.mesh.reduction = .bf16
      $0.mesh.bucketBytes = 100_000
    },
    Case(description: "TP2 PP2 DP2", shape: .gpt2, ranks: 8) {
      $0.mesh.tensor = 2
      $0.mesh.pipeline = 2
    },
  ]

  @Test("a mesh takes the memory that was planned, rank by rank, within 3 %", arguments: cases)
  func measured(_ item: Case) throws {
    var config = item.shape.config
    // Large enough that a tensor is more than the pool's rounding.
    config.model.width = 64
    config.model.context = 64
    item.change(&config)
    let run = try MeshRun(config, ranks: item.ranks, threads: 1, steps: 2)
    let mesh = config.mesh(ranks: item.ranks)
    let stages = try Planner(Cluster()).memory(of: config, mesh)
    for (rank, taken) in run.tensorBytes.enumerated() {
      let stage = mesh.coordinate(of: rank).pipeline
      #expect(
        abs(stages[stage].total / Double(taken) - 1) < 0.03, "stage \(stage): \(stages[stage]), took \(taken)"
      )
    }
  }

  @Test(
    "fullest() of a few stages is the fullest of all",
    arguments: [Schedule.Kind.oneForwardOneBackward, .zeroBubble, .gpipe])
  func fullest(_ kind: Schedule.Kind) throws {
    let cluster = try Repository.cluster("dgx-a100-fused")
    for recompute in Recompute.allCases {
      for vocabulary in [128, 256_000] {
        var config = try Repository.recipe(
          "gpt-ptdp",
          [
            "model.layers=41", "model.width=4096", "model.heads=32", "model.vocabulary=\(vocabulary)",
            "mesh.pipeline=16", "training.global_batch=32", "training.microbatch=1",
          ])
        (config.mesh.schedule, config.training.recompute) = (kind, recompute)
        let planner = Planner(cluster), mesh = config.mesh(ranks: 16)
        let all = try planner.memory(of: config, mesh).map(\.total).max()
        #expect(try planner.fullest(config, mesh) == all, "\(recompute) \(vocabulary)")
      }
    }
  }

  @Test("what one step more cannot change is not walked through: memory of 64 microbatches and of 4096")
  func shortened() throws {
    for kind in [Schedule.Kind.oneForwardOneBackward, .zeroBubble] {
      var config = Shapes.gpt2.config
      (config.mesh.pipeline, config.mesh.schedule, config.training.microbatch) = (4, kind, 1)
      func memory(_ batch: Int) throws -> [StageMemory] {
        config.training.globalBatch = batch
        return try Planner(Cluster()).memory(of: config, config.mesh(ranks: 4)).map {
          var rest = $0
          rest.inputs = 0
          return rest
        }
      }
      #expect(try memory(64) == memory(4096))
    }
  }

  @Test("state in half precision is 2 + 4 + 12 bytes a parameter, of which ZeRO-1 divides the 12")
  func halfPrecision() throws {
    let cluster = try Repository.cluster("dgx-a100-fused")
    var config = Shapes.gpt2.config
    config.training.precision = .bf16
    config.mesh.shardOptimizer = false
    func state(_ ranks: Int) throws -> StageMemory {
      try Planner(cluster).memory(of: config, config.mesh(ranks: ranks))[0]
    }
    let one = try state(1)
    #expect(one.gradients == 2 * one.weights && one.optimizer == 6 * one.weights)
    config.mesh.shardOptimizer = true
    let shared = try state(4)
    #expect(abs(shared.optimizer / (shared.weights * 6 / 4) - 1) < 0.05)
    let full = try Planner(Cluster()).memory(of: config, .single)[0]
    #expect(abs(one.activations / (full.activations / 2) - 1) < 1e-9)
  }

  @Test("scores that are written into memory are kept with 5·a·s²·b bytes a layer (Korthikanti et al. 2022)")
  func scores() throws {
    let fused = try Repository.cluster("dgx-a100-fused"), written = try Repository.cluster("dgx-a100")
    var config = Shapes.gpt2.config
    config.training.precision = .f16
    func kept(_ cluster: Cluster) throws -> Double {
      try Planner(cluster).memory(of: config, .single)[0].activationsPerMicrobatch
    }
    let scores = 5 * Double(config.model.heads * 16 * 16 * config.training.microbatch)
    #expect(try kept(written) - kept(fused) == Double(config.model.layers) * scores)
  }

  @Test("what cannot fit is refused, with the nearest way that fits")
  func nearest() throws {
    var cluster = Cluster()
    cluster.device.memory = 0.02
    let planner = Planner(cluster)
    var config = Shapes.gpt2.config
    (config.model.width, config.model.context) = (128, 128)
    (config.training.globalBatch, config.training.microbatch) = (32, 16)
    let failure = #expect(throws: PlanningFailure.self) {
      try planner.checkMemory(config, devices: 2, place: "the test")
    }
    let sentence = try #require(failure).reason
    #expect(sentence.contains("does not fit the test") && sentence.contains("the nearest that fits is --set"))
    // The advice, followed, is accepted.
    let changes = sentence.matches(of: /--set (\S+?=[^\s,]+)/).map { String($0.1) }
    let advised = try Recipe(try Recipe.yaml(of: config), overrides: changes)
      .resolve(RunConfig.self, defaults: RunConfig())
    try planner.checkMemory(advised, devices: 2, place: "the test")
    #expect(config.distance(to: advised) > 0)
  }

  @Test("a run whose data ranks are what its ranks leave over is judged by them")
  func dataByDefault() throws {
    var config = Shapes.gpt2.config
    (config.model.width, config.model.layers, config.training.microbatch) = (128, 8, 1)
    config.mesh.data = nil
    var cluster = Cluster()
    let parameters = config.model.parameterCount
    // Room for values, gradients and an eighth of the optimizer's state, not for all of it.
    cluster.device.memory = (parameters * 11 + 3e6) / 0x1p30
    try Planner(cluster).checkMemory(config, devices: 8, place: "the test")
    #expect(throws: PlanningFailure.self) {
      try Planner(cluster).checkMemory(config, devices: 1, place: "the test")
    }
  }

  @Test("what no way of dividing can fit is refused at once, however wild", arguments: [1 << 20, 64])
  func hopeless(_ width: Int) throws {
    var config = Shapes.gpt2.config
    config.model.width = width
    config.model.layers = width > 64 ? 1000 : 4
    if width == 64 { (config.training.globalBatch, config.training.microbatch) = (1 << 29, 1 << 29) }
    config.mesh.data = 1
    var cluster = Cluster()
    cluster.device.memory = 0.01
    let failure = #expect(throws: PlanningFailure.self) {
      try Planner(cluster).checkMemory(config, devices: 1, place: "this machine")
    }
    #expect(try #require(failure).reason.contains("does not fit this machine"))
  }
}
