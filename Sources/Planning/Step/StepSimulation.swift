import Schedules
import Topology
import Training

/// What a stage does behind its passes.
package struct StepTail: Sendable {
  /// When its last pass ends.
  package let passes: Double
  /// When the gradients that it holds are sums.
  package let sums: Double
  /// When the update begins, on all stages at once.
  package let agreed: Double
  package let end: Double
}

/// One step of a run on a cluster, from the lists of actions that training executes: every stage's passes, the
/// gradients' way to their sums, and the update.
struct StepSimulation {
  let timeline: ScheduleTimeline
  let tail: [StepTail]
  /// Of the whole step.
  let seconds: Double
  /// From the end of the slowest stage's passes on: sums, optimizer, new values.
  let updateSeconds: Double
  /// Seconds of a stage in operations, the mean over stages.
  let computing: Double
  /// Seconds in which a stage waits for transfers, the mean over stages.
  let exposed: [Message.Among: Double]
  let bubble: Double
  /// Of every stage's passes.
  let costs: [StageCosts]

  init(
    _ config: RunConfig, _ mesh: Mesh, _ cluster: Cluster, _ library: TraceLibrary
  ) throws {
    let schedule = config.schedule(mesh)
    let model = CostModel(cluster, Arithmetic(config.training.precision, on: cluster.device), mesh)
    let stages = 0..<mesh.pipeline
    let costs = try stages.map { try StageCosts($0, config, schedule, model, library) }
    self.costs = costs
    let wires =
      mesh.pipeline > 1 && model.overlap.contains(.pipeline)
      ? stages.map { StageCosts.wire(library.boundary(config), $0, model).seconds }
      : stages.map { _ in 0 }
    timeline = try ScheduleTimeline(
      stages.map(schedule.actions(stage:)),
      duration: { costs[$0].cost(of: $1).seconds },
      transfer: { from, to in to == (from + 1) % mesh.pipeline ? wires[from] : wires[to] })
    bubble = timeline.bubble
    let tail = Self.tail(config, mesh, model, library, schedule, costs, timeline)
    self.tail = tail.stages
    seconds = tail.stages.map(\.end).max() ?? 0
    updateSeconds = seconds - timeline.makespan
    (computing, exposed) = Self.means(costs, tail.clocks, schedule)
  }

  /// The end of the step, and what stages wait for in its tail.
  private static func tail(
    _ config: RunConfig, _ mesh: Mesh, _ model: CostModel, _ library: TraceLibrary, _ schedule: Schedule,
    _ costs: [StageCosts], _ timeline: ScheduleTimeline
  ) -> (stages: [StepTail], clocks: [Clock]) {
    // With ZeRO-1 values are gathered, without it gradients, in what each is kept in.
    let isSharded = config.mesh.shardOptimizer
    let isShort = model.operations.arithmetic.isHalf && (isSharded || config.mesh.reduction == .bf16)
    let vote = model.transfers.seconds(
      Message(kind: .allGather, among: .world, count: mesh.rankCount, bytes: 0),
      bytes: Double(32 * mesh.rankCount))
    let ends = timeline.stages.map { $0.last?.end ?? 0 }
    var clocks: [Clock] = timeline.stages.indices.map { stage in
      let update = library.update(config, mesh, stage: stage)
      var clock = Clock(at: ends[stage], overlap: model.overlap)
      let completions =
        schedule.splitsBackward
        ? [] : Self.completions(timeline.stages[stage], costs[stage], schedule)
      model.run(update.buckets, on: &clock, isOfActivations: false, completions: completions)
      // Both ends of the pipeline add to a shared table.
      if stage == 0 || stage == mesh.pipeline - 1 { clock.wait(until: max(ends[0], ends[mesh.pipeline - 1])) }
      model.run(update.sums, on: &clock, isOfActivations: false)
      return clock
    }
    // All ranks agree on the norm, as they did on the number of targets before the first pass.
    let sums = clocks.map(\.now), agreed = (sums.max() ?? 0) + (mesh.rankCount > 1 ? 2 * vote : 0)
    for stage in clocks.indices {
      clocks[stage].wait(until: agreed)
      let update = library.update(config, mesh, stage: stage)
      model.run(update.apply, on: &clocks[stage], isOfActivations: false, scale: isShort ? 0.5 : 1)
    }
    let stages = clocks.indices.map {
      StepTail(passes: ends[$0], sums: sums[$0], agreed: agreed, end: clocks[$0].now)
    }
    return (stages, clocks)
  }

  /// When the gradients of a stage's layers are complete, from the last layer on.
  private static func completions(
    _ spans: [ScheduleTimeline.Span], _ costs: StageCosts, _ schedule: Schedule
  ) -> [Double] {
    let last = spans.filter {
      if case .backward(schedule.microbatches - 1, _) = $0.action { true } else { false }
    }
    return last.sorted { $0.start < $1.start }.flatMap { span in
      let chunk = costs.chunks[span.action.chunk]
      return (0..<chunk.layers).map { span.start + Double($0 + 1) * chunk.layerBackward }
    }
  }

  /// Where a stage's time goes, the mean over stages: in operations, and in waiting by axis.
  private static func means(
    _ costs: [StageCosts], _ tail: [Clock], _ schedule: Schedule
  ) -> (computing: Double, exposed: [Message.Among: Double]) {
    let share = 1 / Double(costs.count)
    var computing = 0.0
    var exposed: [Message.Among: Double] = [:]
    for (cost, clock) in zip(costs, tail) {
      let pass = cost.chunks.reduce(PassCost()) { sum, chunk in
        sum + chunk.forward + chunk.backward + (schedule.splitsBackward ? chunk.weights : PassCost())
      }
      let passes = schedule.microbatches * pass
      computing += share * (passes.seconds - passes.exposed.values.reduce(0, +) + clock.computing)
      for (among, seconds) in passes.exposed.merging(clock.exposed, uniquingKeysWith: +) {
        exposed[among, default: 0] += share * seconds
      }
    }
    return (computing, exposed)
  }
}
