import Recipes
import Schedules
import Topology
import Training

/// What a recipe comes to on a cluster: time, memory and cost of its steps on one mesh.
package struct StepPlan {
  package let config: RunConfig
  package let cluster: Cluster
  package let mesh: Mesh
  /// When every stage does what.
  package let timeline: ScheduleTimeline
  package let secondsPerStep: Double
  /// Behind the slowest stage's passes: sums of gradients, optimizer, new values.
  package let updateSeconds: Double
  /// Idle time over working time, before gradients are summed.
  package let bubble: Double
  /// Seconds of a step in which a device waits for transfers, by axis; the mean over stages.
  package let exposed: [(axis: String, seconds: Double)]
  /// Of the stages of which there is a different one each.
  package let memory: [StageMemory]

  package var devices: Int { mesh.rankCount }

  package var microbatches: Int {
    config.training.globalBatch / (config.training.microbatch * mesh.data)
  }

  package var tokensPerStep: Double {
    Double(config.training.globalBatch) * Double(config.tokensPerSample)
  }

  package var tokensPerSecond: Double { tokensPerStep / secondsPerStep }

  /// FLOP/s of a device by the convention that counts recomputing.
  package var hardwareRate: Double {
    WorkCount.hardwareFLOPs(config) * tokensPerSecond / Double(devices)
  }

  /// FLOP/s of a device by the convention that does not.
  package var modelRate: Double { WorkCount.modelFLOPs(config) * tokensPerSecond / Double(devices) }

  package var peak: Double { Arithmetic(config.training.precision, on: cluster.device).peak }

  package var fullestStage: Int {
    memory.indices.max { memory[$0].total < memory[$1].total } ?? 0
  }

  /// Of the fullest device.
  package var memoryBytes: Double { memory.map(\.total).max() ?? 0 }

  package var fits: Bool { memoryBytes <= cluster.usableBytes }

  package func seconds(tokens: Double) -> Double { tokens / tokensPerSecond }

  /// Tokens of the whole recipe.
  package var recipeTokens: Double { Double(config.training.steps) * tokensPerStep }
}

/// Plans runs of one model on one cluster.
package final class Planner {
  package var cluster: Cluster
  private let library = TraceLibrary()

  package init(_ cluster: Cluster) { self.cluster = cluster }

  /// A recipe as plans take it: without data or tokenizer there is still a vocabulary.
  package static func prepared(_ recipe: RunConfig) -> RunConfig {
    var config = recipe
    if config.data.prefix == nil, config.data.blend.isEmpty, config.data.task == nil {
      config.data.prefix = "planned tokens"
    }
    if config.model.vocabulary == 0 { config.model.vocabulary = 50_304 }
    return config
  }

  /// What `recipe` comes to on `devices` devices; throws what its mesh, or the cluster, cannot be.
  package func plan(_ recipe: RunConfig, devices: Int) throws -> StepPlan {
    let config = Self.prepared(recipe)
    try config.validate(ranks: devices)
    if let limit = cluster.deviceLimit, devices > limit {
      throw PlanningFailure("\(cluster.name) has \(limit) devices, the plan asks for \(devices)")
    }
    let mesh = config.mesh(ranks: devices)
    let count = config.training.globalBatch / (config.training.microbatch * mesh.data)
    let step = try simulate(config, devices: devices)
    return StepPlan(
      config: config, cluster: cluster, mesh: mesh, timeline: step.timeline, secondsPerStep: step.seconds,
      updateSeconds: step.updateSeconds, bubble: step.bubble,
      exposed: Message.Among.allCases.compactMap { among in
        step.exposed[among].map { (among.rawValue, $0) }
      },
      memory: try memory(of: config, mesh, microbatches: count))
  }

  func simulate(_ config: RunConfig, devices: Int) throws -> StepSimulation {
    let mesh = config.mesh(ranks: devices)
    return try StepSimulation(
      config, mesh, cluster, library,
      microbatches: config.training.globalBatch / (config.training.microbatch * mesh.data))
  }

  /// What the devices of every stage hold at their fullest.
  package func memory(of config: RunConfig, _ mesh: Mesh, microbatches: Int) throws -> [StageMemory] {
    let schedule = Schedule(
      config.mesh.scheduleKind, stages: mesh.pipeline, chunks: config.mesh.interleave,
      microbatches: microbatches)
    return try (0..<mesh.pipeline).map {
      try StageMemory($0, config, mesh, cluster, schedule, library)
    }
  }
}
