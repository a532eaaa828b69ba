import Schedules
import Topology
import Training

/// What a search asks of many candidates, short of a simulation.
extension Planner {
  /// Whether the fullest device of `config` can hold what it has to.
  func fits(_ config: RunConfig, devices: Int) throws -> Bool {
    let mesh = config.mesh(ranks: devices)
    guard leastBytes(config, mesh) <= cluster.usableBytes,
      hasFewBuckets(config, parts: mesh.tensor * mesh.pipeline)
    else { return false }
    return try fullest(config, mesh) <= cluster.usableBytes
  }

  /// Bytes of the fullest device. Between the ends, what stages of as many layers hold is in proportion to their place.
  func fullest(_ config: RunConfig, _ mesh: Mesh) throws -> Double {
    let schedule = config.schedule(mesh)
    let last = mesh.pipeline - 1, plan = config.stagePlan
    var stages: Set<Int> = [0, min(1, last), max(0, last - 1), last]
    var ends: [[Int]: (first: Int, last: Int)] = [:]
    for stage in 0...last {
      let layers = plan.layerCounts(stage: stage)
      ends[layers] = (ends[layers]?.first ?? stage, stage)
    }
    for end in ends.values { stages.formUnion([end.first, end.last]) }
    return try stages.map { try memory(stage: $0, of: config, mesh, schedule).total }.max() ?? 0
  }

  /// Less than the fullest device of `config` holds, told without tracing it: the mean over stages of their state, of
  /// what their layers keep of one microbatch, and of the ids and targets of a step.
  func leastBytes(_ config: RunConfig, _ mesh: Mesh) -> Double {
    let arithmetic = Arithmetic(config.training.precision, on: cluster.device)
    let parts = Double(mesh.tensor * mesh.pipeline)
    let owners = config.mesh.shardOptimizer ? Double(mesh.data) : 1
    let held = arithmetic.weightBytes + arithmetic.gradientBytes(config)
    let state = config.model.parameterCount / parts * (held + arithmetic.optimizerBytes(config) / owners)
    let tokens = Double(config.training.microbatch) * Double(config.tokensPerSample)
    let hidden =
      4 * arithmetic.activationScale * tokens * Double(config.model.width)
      / Double(config.mesh.sequenceParallel ? mesh.tensor : 1)
    let read =
      8 * tokens * Double(config.microbatches(mesh)) * min(1, 2 / Double(mesh.pipeline))
    return state + read + hidden * Double(config.model.layers) / Double(mesh.pipeline)
  }

  /// Less than any of `candidates` takes.
  func leanest(_ candidates: [RunConfig], devices: Int) -> Double {
    candidates.map { leastBytes($0, $0.mesh(ranks: devices)) }.min() ?? 0
  }

  /// Seconds that a step cannot be shorter than: the passes of the slowest stage; and those of the last one, which
  /// the first microbatch has to reach, and from which the last gradient has to come back.
  func bound(_ config: RunConfig, devices: Int) throws -> Double {
    let mesh = config.mesh(ranks: devices)
    let count = Double(config.microbatches(mesh)), schedule = config.schedule(mesh)
    let model = CostModel(cluster, Arithmetic(config.training.precision, on: cluster.device), mesh)
    let last = mesh.pipeline - 1
    // Of the stages in the middle, one with the fewest layers in its first chunk.
    let plan = config.stagePlan
    let leanest =
      (1..<max(1, last)).min {
        plan.layers(stage: $0, chunk: 0).count < plan.layers(stage: $1, chunk: 0).count
      } ?? 0
    let stages = try [0, leanest, last].map { try stageCosts($0, config, schedule, model) }
    let works = stages.map { stage in
      count
        * stage.chunks.reduce(0) { sum, chunk in
          sum + chunk.forward.seconds + chunk.backward.seconds
            + (schedule.splitsBackward ? chunk.weights.seconds : 0)
        }
    }
    let others = stages.dropLast()
    let before = others.map { $0.chunks[0].forward.seconds }.min() ?? 0
    // Weight gradients can come after everything.
    let behind = schedule.splitsBackward ? 0 : others.map { $0.chunks[0].backward.seconds }.min() ?? 0
    return max(works.max() ?? 0, works[2] + Double(last) * (before + behind))
  }
}
