import Schedules
import Topology
import Training

/// What a device of a pipeline stage holds at its fullest, by kind, in bytes.
package struct StageMemory: Sendable, Equatable {
  package var weights = 0.0
  package var gradients = 0.0
  package var optimizer = 0.0
  /// Kept between forward and backward, of all microbatches that are under way.
  package var activations = 0.0
  /// Of those, what one microbatch keeps.
  package var activationsPerMicrobatch = 0.0
  /// What a pass or the update needs beside it.
  package var temporary = 0.0
  /// Ids and targets of a step's microbatches, tables of rotations.
  package var inputs = 0.0
  /// What a pool whose buffers serve one size each reserves beyond that.
  package var fragmentation = 0.0

  package var total: Double {
    weights + gradients + optimizer + activations + temporary + inputs + fragmentation
  }
}

extension StageMemory {
  init(
    _ stage: Int, _ config: RunConfig, _ mesh: Mesh, _ cluster: Cluster, _ schedule: Schedule,
    _ library: TraceLibrary
  ) throws {
    let arithmetic = Arithmetic(config.training.precision, on: cluster.device)
    let scale = arithmetic.activationScale
    let update = library.update(config, mesh, stage: stage)
    let held = Double(update.heldCount)
    weights = arithmetic.weightBytes * held
    gradients = arithmetic.gradientBytes(config) * held
    // In f32 as this engine keeps it, what it adds to the state among it.
    optimizer =
      arithmetic.isHalf
      ? arithmetic.optimizerBytes(config) * Double(update.updatedCount) : Double(update.optimizer.bytes)
    let passes = try StagePasses(stage, config, schedule, library, cluster, scale)
    activations = passes.activations * scale
    activationsPerMicrobatch = passes.perMicrobatch * scale
    // By the update the activations are gone.
    temporary = max(passes.peak * scale, Double(update.most.bytes)) - activations
    inputs = Double(schedule.microbatches * passes.feed + update.tables.bytes)
    let reserved = passes.reserved.union(update.most).bytes
    fragmentation = Double(reserved - max(passes.traced, update.most.bytes)) * scale
  }
}
