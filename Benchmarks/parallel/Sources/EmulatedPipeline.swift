import Collectives
import Schedules
import Telemetry
import Topology

/// A schedule as it ran on real ranks with emulated passes.
struct EmulatedPipeline {
  let schedule: Schedule
  /// Of the steps, the median: from the first stage's start to the last one's end.
  let seconds: Double
  /// Idle over working time of all stages, in the median step.
  let bubble: Double
  /// The most live activations of each stage, in passes through a chunk.
  let peaks: [Int]

  /// Runs `steps` steps, and one before them that is not counted.
  init(_ schedule: Schedule, _ times: PassTimes, steps: Int) throws {
    let stages = try LocalCluster.run(Mesh(pipeline: schedule.stages)) { rank in
      let stage = EmulatedStage(schedule, times, rank)
      _ = stage.step()
      return (0..<steps).map { _ in stage.step() }
    }
    let all = (0..<steps).map { step in stages.map { $0[step] } }
    self.schedule = schedule
    seconds = all.map(Self.makespan).median
    bubble =
      all.map { step in
        let working = step.reduce(0) { $0 + $1.working.seconds }
        return Self.makespan(of: step) * Double(step.count) / working - 1
      }.median
    peaks = stages.map { $0[0].peak }
  }

  private static func makespan(of step: [EmulatedStage.Step]) -> Double {
    guard let start = step.map(\.start).min(), let end = step.map(\.end).max() else { return 0 }
    return (end - start).seconds
  }

  /// Microbatches a second.
  var throughput: Double { Double(schedule.microbatches) / seconds }
}
