import Schedules
import Telemetry
import Topology
import Training

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
      config, cluster, mesh, step, memory: try memory(of: config, mesh, microbatches: count))
  }

  /// Passes that a simulation goes through at most.
  private static let mostPasses = 4_000_000

  func simulate(_ config: RunConfig, devices: Int) throws -> StepSimulation {
    let mesh = config.mesh(ranks: devices)
    let passes =
      config.training.globalBatch / config.training.microbatch / mesh.data * mesh.pipeline
      * config.mesh.interleave
    guard passes <= Self.mostPasses else {
      throw PlanningFailure(
        "a step of \(Brief.count(passes)) forward passes, training.global_batch \(config.training.globalBatch) in "
          + "microbatches of \(config.training.microbatch): a plan has at most \(Brief.count(Self.mostPasses))"
      )
    }
    return try StepSimulation(
      config, mesh, cluster, library,
      microbatches: config.training.globalBatch / (config.training.microbatch * mesh.data))
  }

  /// What the devices of every stage hold at their fullest.
  package func memory(of config: RunConfig, _ mesh: Mesh, microbatches: Int) throws -> [StageMemory] {
    let schedule = Schedule(
      config.mesh.scheduleKind, stages: mesh.pipeline, chunks: config.mesh.interleave,
      microbatches: microbatches)
    return try (0..<mesh.pipeline).map { try memory(stage: $0, of: config, mesh, schedule) }
  }

  func memory(stage: Int, of config: RunConfig, _ mesh: Mesh, _ schedule: Schedule) throws -> StageMemory {
    try StageMemory(stage, config, mesh, cluster, schedule, library)
  }

  func stageCosts(
    _ stage: Int, _ config: RunConfig, _ schedule: Schedule, _ model: CostModel
  ) throws -> StageCosts {
    try StageCosts(stage, config, schedule, model, library)
  }
}
