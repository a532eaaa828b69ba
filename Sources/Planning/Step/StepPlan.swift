import Optimizers
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
  /// Seconds of a device in operations, the mean over stages.
  package let computing: Double
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
    computing = step.computing
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

  package var microbatches: Int { config.microbatches(mesh) }

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

  /// Where the time of a device goes, the mean over stages: computing, waiting by axis, and idle, in the bubble and
  /// until the slowest stage has its sums.
  package var shares: [(name: String, seconds: Double)] {
    let waiting = exposed.map { (name: "waiting, \($0.axis)", seconds: $0.seconds) }
    let idle = secondsPerStep - computing - waiting.reduce(0) { $0 + $1.seconds }
    return [("computing", computing), ("idle", idle)] + waiting
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

  /// Tokens of the whole recipe, the smaller batches of its ramp counted as they are.
  package var recipeTokens: Double {
    let ramp = BatchSizeRamp(config.batchRamp, finalBatch: config.training.globalBatch)
    var samples = 0, steps = 0
    while steps < config.training.steps, samples < config.batchRamp.samples {
      samples += ramp.batchSize(consumedSamples: samples)
      steps += 1
    }
    let rest = Double(config.training.steps - steps) * Double(config.training.globalBatch)
    return (Double(samples) + rest) * Double(config.tokensPerSample)
  }
}
