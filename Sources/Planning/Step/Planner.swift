import Schedules
import Telemetry
import Topology
import Training

/// Plans runs of one model on one cluster.
package final class Planner {
  package var cluster: Cluster
  private var library: (model: TraceLibrary.Model, traces: TraceLibrary)?

  package init(_ cluster: Cluster) { self.cluster = cluster }

  /// The traces of a model; those of another are forgotten.
  private func library(for config: RunConfig) -> TraceLibrary {
    let model = TraceLibrary.Model(config)
    if let library, library.model == model { return library.traces }
    let traces = TraceLibrary()
    library = (model, traces)
    return traces
  }

  /// A recipe as plans take it.
  package static func prepared(_ recipe: RunConfig) -> RunConfig { recipe.onRandomTokens }

  /// `recipe` as it is planned on `devices` devices; throws what it, its mesh or the cluster cannot be, and what is too
  /// large to be looked at.
  func checked(_ recipe: RunConfig, devices: Int) throws -> RunConfig {
    let config = Self.prepared(recipe)
    try config.validate(ranks: devices)
    try check(devices)
    let mesh = config.mesh(ranks: devices)
    let least = leastBytes(config, mesh)
    guard least < Self.mostMemory * cluster.usableBytes else {
      throw PlanningFailure(
        "a device of \(mesh), microbatch \(config.training.microbatch), would hold at least "
          + "\(Bytes(Int(min(least, 0x1p62)))) of \(Bytes(Int(cluster.usableBytes))): divide the model further, as "
          + "--search does")
    }
    try checkPasses(config, mesh)
    try checkBuckets(config, parts: mesh.tensor * mesh.pipeline)
    return config
  }

  /// Throws when the cluster does not have so many devices.
  func check(_ devices: Int) throws {
    guard let limit = cluster.deviceLimit, devices > limit else { return }
    throw PlanningFailure("\(cluster.name) has \(limit) devices, the plan asks for \(devices)")
  }

  /// What a device may hold in a plan that is worth tracing, in times of what it has.
  private static let mostMemory = 16.0
  /// Passes that a simulation goes through, and buckets that a stage's gradients are cut into, at most.
  static let mostPasses = 4_000_000
  private static let mostBuckets = 1_000_000.0

  private func checkPasses(_ config: RunConfig, _ mesh: Mesh) throws {
    let passes = config.passes(mesh)
    guard passes > Self.mostPasses else { return }
    throw PlanningFailure(
      "a step of \(Brief.count(passes)) forward passes, training.global_batch \(config.training.globalBatch) in "
        + "microbatches of \(config.training.microbatch): a plan has at most \(Brief.count(Self.mostPasses))")
  }

  /// Throws when gradients of one part of the model are cut into more buckets than are worth a list.
  func checkBuckets(_ config: RunConfig, parts: Int) throws {
    guard !hasFewBuckets(config, parts: parts) else { return }
    throw PlanningFailure(
      "mesh.bucket_bytes \(config.mesh.bucketBytes) cuts a device's gradients into more than "
        + "\(Brief.count(Self.mostBuckets)) buckets: use a larger one, such as \(MeshConfig().bucketBytes)")
  }

  func hasFewBuckets(_ config: RunConfig, parts: Int) -> Bool {
    4 * config.model.parameterCount / Double(parts) <= Self.mostBuckets * Double(config.mesh.bucketBytes)
  }

  /// What `recipe` comes to on `devices` devices.
  package func plan(_ recipe: RunConfig, devices: Int) throws -> StepPlan {
    let config = try checked(recipe, devices: devices), mesh = config.mesh(ranks: devices)
    return StepPlan(
      config, cluster, mesh, try simulate(config, devices: devices), memory: try memory(of: config, mesh))
  }

  /// FLOP/s of a device, recomputing counted: a plan's without its memory.
  func rate(_ recipe: RunConfig, devices: Int) throws -> Double {
    let config = try checked(recipe, devices: devices)
    let step = try simulate(config, devices: devices)
    return WorkCount.hardwareFLOPs(config) * Double(config.training.globalBatch * config.tokensPerSample)
      / step.seconds / Double(devices)
  }

  func simulate(_ config: RunConfig, devices: Int) throws -> StepSimulation {
    let mesh = config.mesh(ranks: devices)
    return try StepSimulation(config, mesh, cluster, library(for: config))
  }

  /// What the devices of every stage hold at their fullest.
  package func memory(of config: RunConfig, _ mesh: Mesh) throws -> [StageMemory] {
    let schedule = config.schedule(mesh)
    return try (0..<mesh.pipeline).map { try memory(stage: $0, of: config, mesh, schedule) }
  }

  func memory(stage: Int, of config: RunConfig, _ mesh: Mesh, _ schedule: Schedule) throws -> StageMemory {
    try StageMemory(stage, config, mesh, cluster, schedule, library(for: config))
  }

  func stageCosts(
    _ stage: Int, _ config: RunConfig, _ schedule: Schedule, _ model: CostModel
  ) throws -> StageCosts {
    try StageCosts(stage, config, schedule, model, library(for: config))
  }
}

extension RunConfig {
  /// Microbatches of a step on each data-parallel rank.
  func microbatches(_ mesh: Mesh) -> Int { training.globalBatch / (training.microbatch * mesh.data) }

  /// What the stages of `mesh` do in a step.
  func schedule(_ mesh: Mesh) -> Schedule {
    Schedule(
      self.mesh.scheduleKind, stages: mesh.pipeline, chunks: self.mesh.interleave,
      microbatches: microbatches(mesh))
  }

  /// Forward passes of a step, in all stages and their chunks.
  func passes(_ mesh: Mesh) -> Int { microbatches(mesh) * mesh.pipeline * self.mesh.interleave }
}
