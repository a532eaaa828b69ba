import Checkpoints
import Collectives
import FoundationEssentials
import Layers
import Models
import Tensors

/// A run's checkpoints as one rank sees them: every rank writes what it answers for and reads what it holds.
final class RunCheckpoints {
  private let directory: RunDirectory
  private let rank: Rank
  private let device: Device
  private let writer: AsyncCheckpointWriter
  /// Newer checkpoints that cannot be used, a sentence each.
  private(set) var damaged: [String] = []
  /// What the run went on from.
  private var restored: String?

  private static let positionFile = "position.json"

  /// Rank 0 makes the directory and puts right what a killed run left behind, before any rank looks into it.
  init(_ config: RunConfig, _ directory: RunDirectory, _ rank: Rank, _ device: Device) throws {
    self.directory = directory
    self.rank = rank
    self.device = device
    if rank.isFirst { try directory.create() }
    let writer = try CheckpointWriter(
      directory.checkpoints, keep: config.checkpoint.keep, rank: rank.index, of: rank.mesh.rankCount)
    self.writer = AsyncCheckpointWriter(writer)
    if rank.isFirst { directory.removeLeftovers() }
    rank.world.barrier(on: device)
  }

  /// The newest sound checkpoint, the same on every rank; nil when there is none.
  func newest() throws -> Checkpoint? {
    let found = try CheckpointStore(directory.checkpoints).scan()
    damaged = found.damaged.map(\.description)
    let mine = found.checkpoints.first?.step ?? -1
    let first = Int(rank.world.sum([rank.isFirst ? Double(mine) : 0, 0, 0, 0], on: device)[0])
    guard first >= 0 else { return nil }
    guard let checkpoint = found.checkpoints.first(where: { $0.step == first }) else {
      throw TrainingFailure(
        "rank \(rank.index) does not see the checkpoint of step \(first) in \(directory.checkpoints): "
          + "checkpoint.directory must be on a file system that all ranks share")
    }
    return checkpoint
  }

  /// Fills values and optimizer state from `checkpoint`, whatever mesh wrote it, and takes up its position.
  func restore(_ checkpoint: Checkpoint, into step: TrainStep) throws {
    do {
      try checkpoint.restore(step.update.tensors, ignoringOthers: rank.mesh.rankCount > 1)
      let text = try checkpoint.state(Self.positionFile)
      step.resume(at: try JSONDecoder().decode(TrainStep.Position.self, from: Data(text.utf8)))
      restored = checkpoint.path
    } catch let failure as CheckpointFailure {
      throw TrainingFailure("cannot resume from \(checkpoint.path): \(failure)")
    }
  }

  /// Begins to write a checkpoint; rank 0 completes it when all ranks have written their parts.
  func save(_ step: TrainStep) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let position = String(decoding: try encoder.encode(step.position), as: UTF8.self)
    try writer.save(
      step: step.position.step, tensors: step.update.ownTensors, state: [Self.positionFile: position],
      barrier: { rank.world.barrier(on: device) })
  }

  /// Returns when the checkpoint on its way is complete.
  func finish() throws {
    try writer.finish()
    rank.world.barrier(on: device)
  }

  /// Writes the finished model, which the newest checkpoint holds: the last that this run wrote, or where it was
  /// killed behind that one, the one that it went on from.
  func writeModel(_ step: TrainStep) throws {
    guard rank.mesh.rankCount > 1 else { return try ModelDirectory.write(step.model, to: directory.model) }
    guard rank.isFirst, let newest = writer.written ?? restored else { return }
    try ModelDirectory.write(
      step.model.config, from: Checkpoint(newest),
      rounding: step.update.precision.precision.rounding,
      to: directory.model)
  }
}
