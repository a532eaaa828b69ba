import Recipes
import Schedules
import Telemetry
import Topology
import Training

/// What a recipe comes to on a cluster: time, memory and cost of its steps on one mesh.
package struct StepPlan {
  package let config: RunConfig
  package let cluster: Cluster
  package let mesh: Mesh
  /// When every stage does what.
  package let timeline: ScheduleTimeline
  /// Behind each stage's passes: when its gradients are summed and when its new values are there.
  package let tail: [StepTail]
  package let secondsPerStep: Double
  /// Behind the slowest stage's passes: sums of gradients, optimizer, new values.
  package let updateSeconds: Double
  /// Idle time over working time, before gradients are summed.
  package let bubble: Double
  /// Seconds of a step in which a device waits for transfers, by axis; the mean over stages.
  package let exposed: [(axis: String, seconds: Double)]
  /// Of each stage's devices.
  package let memory: [StageMemory]
  private let costs: [StageCosts]

  init(
    _ config: RunConfig, _ cluster: Cluster, _ mesh: Mesh, _ step: StepSimulation, memory: [StageMemory]
  ) {
    self.config = config
    self.cluster = cluster
    self.mesh = mesh
    self.memory = memory
    timeline = step.timeline
    tail = step.tail
    secondsPerStep = step.seconds
    updateSeconds = step.updateSeconds
    bubble = step.bubble
    costs = step.costs
    exposed = Message.Among.allCases.compactMap { among in
      step.exposed[among].map { (among.rawValue, $0) }
    }
  }

  /// Seconds of a pass in which a stage waits for transfers.
  func waiting(_ stage: Int, _ action: Action) -> Double {
    costs[stage].cost(of: action).exposed.values.reduce(0, +)
  }

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

  /// Where the time of a device goes, the mean over stages: computing, idle in the bubble, waiting by axis.
  package var shares: [(name: String, seconds: Double)] {
    let stages = timeline.stages.indices
    let idle = stages.reduce(0) { $0 + timeline.idle(stage: $1) } / Double(stages.count)
    let waiting = exposed.map { (name: "waiting, \($0.axis)", seconds: $0.seconds) }
    let rest = secondsPerStep - idle - waiting.reduce(0) { $0 + $1.seconds }
    return [("computing", rest), ("bubble", idle)] + waiting
  }

  /// Where `other` spends the time that this plan does not, in a few words.
  func difference(to other: StepPlan) -> String {
    let own = Dictionary(uniqueKeysWithValues: shares.map { ($0.name, $0.seconds) })
    let growth = other.shares.map { (name: $0.name, more: $0.seconds - own[$0.name, default: 0]) }
    guard let most = growth.max(by: { $0.more < $1.more }), most.more > 0.005 * secondsPerStep else {
      return "about the same"
    }
    return "\(most.name) +\(Brief.percent(most.more / secondsPerStep)) of the step"
  }

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
