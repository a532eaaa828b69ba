import Schedules
import Topology
import Training

/// What a search asks of many candidates, short of a simulation.
extension Planner {
  /// Whether the fullest device of `config` can hold what it has to.
  func fits(_ config: RunConfig, devices: Int) throws -> Bool {
    guard leastBytes(config) <= cluster.usableBytes else { return false }
    return try fullest(config, devices: devices) <= cluster.usableBytes
  }

  /// Bytes of the fullest device: the first stage holds the most microbatches, the last the head.
  func fullest(_ config: RunConfig, devices: Int) throws -> Double {
    let mesh = config.mesh(ranks: devices)
    let count = config.training.globalBatch / (config.training.microbatch * mesh.data)
    let schedule = Schedule(
      config.mesh.scheduleKind, stages: mesh.pipeline, chunks: config.mesh.interleave, microbatches: count)
    return try Set([0, min(1, mesh.pipeline - 1), mesh.pipeline - 1]).map {
      try memory(stage: $0, of: config, mesh, schedule).total
    }.max() ?? 0
  }

  /// What no device of `config` can do without, told without tracing it: its state, what its layers keep of one
  /// microbatch, and the ids and targets of a step.
  func leastBytes(_ config: RunConfig) -> Double {
    let scale = Arithmetic(config.training.precision, on: cluster.device).activationScale
    let held = config.mesh.sequenceParallel ? config.mesh.tensor : 1
    let hidden =
      4 * scale * Double(config.training.microbatch) * Double(config.tokensPerSample)
      * Double(config.model.width) / Double(held)
    let read =
      8 * Double(config.training.globalBatch) / Double(config.mesh.data ?? 1) * Double(config.tokensPerSample)
    return stateBytes(config) + read + hidden * Double(config.model.layers / config.mesh.pipeline)
  }

  /// Weights, gradients and optimizer by the parameter count alone: what no stage can do without.
  private func stateBytes(_ config: RunConfig) -> Double {
    let parts = Double(config.mesh.tensor * config.mesh.pipeline)
    let owners = config.mesh.shardOptimizer ? Double(config.mesh.data ?? 1) : 1
    let isHalf = Arithmetic(config.training.precision, on: cluster.device).isHalf
    let held = isHalf ? (config.mesh.reduction == .bf16 ? 4.0 : 6) : 8
    let moments = config.optimizer.kind == .adamw ? 8.0 : 4
    return config.model.parameterCount / parts * (held + (moments + (isHalf ? 4 : 0)) / owners)
  }

  /// Less than any of `candidates` takes.
  func leanest(_ candidates: [RunConfig]) -> Double {
    candidates.map(leastBytes).min() ?? 0
  }

  /// Seconds that a step cannot be shorter than: the passes of the slowest stage; and those of the last one, which
  /// the first microbatch has to reach, and from which the last gradient has to come back.
  func bound(_ config: RunConfig, devices: Int) throws -> Double {
    let mesh = config.mesh(ranks: devices)
    let count = Double(config.training.globalBatch / (config.training.microbatch * mesh.data))
    let schedule = Schedule(
      config.mesh.scheduleKind, stages: mesh.pipeline, chunks: config.mesh.interleave,
      microbatches: Int(count))
    let model = CostModel(cluster, Arithmetic(config.training.precision, on: cluster.device), mesh)
    let last = mesh.pipeline - 1
    let stages = try [0, min(1, last), last].map { try stageCosts($0, config, schedule, model) }
    let works = stages.map { stage in
      count
        * stage.chunks.reduce(0) { sum, chunk in
          sum + chunk.forward.seconds + chunk.backward.seconds
            + (schedule.splitsBackward ? chunk.weights.seconds : 0)
        }
    }
    let before = stages.map { $0.chunks[0].forward.seconds }.min() ?? 0
    // Weight gradients can come after everything.
    let behind = schedule.splitsBackward ? 0 : stages.map { $0.chunks[0].backward.seconds }.min() ?? 0
    return max(works.max() ?? 0, works[2] + Double(last) * (before + behind))
  }
}
