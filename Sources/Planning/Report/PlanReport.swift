import FoundationEssentials
import Training

/// Every figure of a plan under a name that programs can rely on.
package struct PlanReport: Encodable, Sendable {
  package let cluster: String
  package let devices: Int
  package let tensor: Int
  package let pipeline: Int
  package let data: Int
  package let microbatch: Int
  package let microbatches: Int
  package let schedule: String
  package let interleave: Int
  package let recompute: String
  package let sequenceParallel: Bool
  package let shardOptimizer: Bool
  package let parameters: Double
  package let secondsPerStep: Double
  package let updateSeconds: Double
  package let tokensPerSecond: Double
  package let tflopsPerDevice: Double
  package let modelTflopsPerDevice: Double
  package let hardwareFlopsUtilisation: Double
  package let modelFlopsUtilisation: Double
  package let bubbleFraction: Double
  package let exposedSeconds: [String: Double]
  package let memoryBytesPerDevice: Double
  package let deviceMemoryBytes: Double
  package let fits: Bool
  package let memory: [Stage]
  package let tokens: Double
  package let days: Double
  package let cost: Double?
  package let efficiency: Cluster.Efficiency
  package let hardwareConvention: String
  package let modelConvention: String

  package struct Stage: Encodable, Sendable {
    package let stage: Int
    package let weights: Double
    package let gradients: Double
    package let optimizer: Double
    package let activations: Double
    package let activationsPerMicrobatch: Double
    package let temporary: Double
    package let inputs: Double
    package let fragmentation: Double
    package let total: Double
  }

  package init(_ plan: StepPlan, tokens: Double) {
    let config = plan.config, seconds = plan.seconds(tokens: tokens)
    cluster = plan.cluster.name
    devices = plan.devices
    (tensor, pipeline, data) = (plan.mesh.tensor, plan.mesh.pipeline, plan.mesh.data)
    microbatch = config.training.microbatch
    microbatches = plan.microbatches
    schedule = config.mesh.scheduleKind.rawValue
    interleave = config.mesh.interleave
    recompute = config.training.recompute.rawValue
    sequenceParallel = config.mesh.sequenceParallel
    shardOptimizer = config.mesh.shardOptimizer
    parameters = config.model.parameterCount
    secondsPerStep = plan.secondsPerStep
    updateSeconds = plan.updateSeconds
    tokensPerSecond = plan.tokensPerSecond
    tflopsPerDevice = plan.hardwareRate / 1e12
    modelTflopsPerDevice = plan.modelRate / 1e12
    hardwareFlopsUtilisation = plan.hardwareRate / plan.peak
    modelFlopsUtilisation = plan.modelRate / plan.peak
    bubbleFraction = plan.bubble
    exposedSeconds = Dictionary(uniqueKeysWithValues: plan.exposed.map { ($0.axis, $0.seconds) })
    memoryBytesPerDevice = plan.memoryBytes
    deviceMemoryBytes = plan.cluster.usableBytes
    fits = plan.fits
    memory = plan.memory.enumerated().map { index, stage in
      Stage(
        stage: index, weights: stage.weights, gradients: stage.gradients, optimizer: stage.optimizer,
        activations: stage.activations, activationsPerMicrobatch: stage.activationsPerMicrobatch,
        temporary: stage.temporary, inputs: stage.inputs, fragmentation: stage.fragmentation,
        total: stage.total)
    }
    self.tokens = tokens
    days = seconds / 86400
    cost = plan.cost(seconds: seconds)
    efficiency = plan.cluster.efficiency
    hardwareConvention = WorkCount.hardwareConvention
    modelConvention = WorkCount.modelConvention
  }

  /// One JSON object, its keys in snake case and in order.
  package var json: String { get throws { try Self.json(of: self) } }

  package static func json(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

extension MeshSearch {
  /// The choice, its runners-up and what it was chosen over.
  package struct Report: Encodable, Sendable {
    let best: PlanReport
    let runnersUp: [PlanReport]
    let alternatives: [Alternative]
    let takeaways: [Advice]
    let considered: Int
    let fitting: Int
    let simulated: Int

    struct Alternative: Encodable, Sendable {
      let difference: String
      let secondsPerStep: Double?
      let reason: String
    }

    struct Advice: Encodable, Sendable {
      let advice: String
      let holds: Bool?
      let evidence: String
    }
  }

  package func report(tokens: Double) -> Report {
    Report(
      best: PlanReport(best, tokens: tokens), runnersUp: runnersUp.map { PlanReport($0, tokens: tokens) },
      alternatives: alternatives.map {
        Report.Alternative(
          difference: $0.difference, secondsPerStep: $0.plan?.secondsPerStep, reason: $0.reason)
      },
      takeaways: takeaways.map { Report.Advice(advice: $0.advice, holds: $0.holds, evidence: $0.evidence) },
      considered: considered, fitting: fitting, simulated: simulated)
  }
}
