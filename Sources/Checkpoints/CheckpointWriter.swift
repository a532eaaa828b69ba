import Files
import Synchronization
import Tensors

/// Writes checkpoints into a directory that the ranks of one run alone may write to.
///
/// A checkpoint is written beside its name, flushed to the disk and renamed as the last act: whenever a process
/// dies, every checkpoint that has a name is complete. Where there are several ranks, each has a writer; all write at
/// once, and rank 0 waits for the others' parts and renames.
package final class CheckpointWriter: Sendable {
  package let root: String
  private let rank: Int
  private let rankCount: Int
  private let keep: KeepPolicy
  private let shardLimit: Int
  private let patience: Duration
  private let directory: CheckpointDirectory
  /// Rank 0's.
  private let lock: CheckpointLock?
  private let isHurried = Atomic(false)

  /// Rank 0 makes the directory where there is none and removes what a killed run left half-written; it throws when it
  /// cannot, or when another run writes there. The other ranks touch nothing before the first checkpoint.
  ///
  /// - Parameters:
  ///   - shardLimit: bytes of data in a shard.
  ///   - rank: of the `rankCount` that write each checkpoint together, to a file system that they share.
  ///   - patience: how long rank 0 waits for the others while nothing happens in the directory.
  package init(
    _ root: String, keep: KeepPolicy = KeepPolicy(), shardLimit: Int = 4 << 30, rank: Int = 0,
    of rankCount: Int = 1, patience: Duration = .seconds(600)
  ) throws {
    precondition((0..<rankCount).contains(rank), "rank \(rank) of \(rankCount)")
    self.root = root
    self.rank = rank
    self.rankCount = rankCount
    self.keep = keep
    self.shardLimit = shardLimit
    self.patience = patience
    directory = CheckpointDirectory(root: root)
    guard rank == 0 else {
      lock = nil
      return
    }
    try directory.create()
    lock = try CheckpointLock(root)
    try directory.recover()
  }

  /// Writes the checkpoint of `step`, replacing one of the same step, and removes those that the policy does
  /// not keep. Returns its path. When it throws, nothing of it remains.
  ///
  /// - Parameters:
  ///   - tensors: what this rank holds; all ranks together hold every element of every tensor once.
  ///   - state: the run's state as small texts, by plain file names such as `run.json`; rank 0's counts.
  ///   - barrier: returns when all ranks have called it.
  @discardableResult
  package func write(
    step: Int, tensors: [ShardedTensor], state: [String: String] = [:], barrier: () throws -> Void = {}
  ) throws -> String {
    let begun = Result { try begin(step: step) }
    try barrier()
    try begun.get()
    let contiguous = tensors.map { ($0, $0.tensor.contiguous) }
    return try withExtendedLifetime(contiguous) {
      try write(
        step: step,
        contiguous.map { StagedTensor(stored: StoredTensor($0), bytes: UnsafeRawBufferPointer($1.bytes)) },
        state: state)
    }
  }

  /// Writes whole tensors.
  @discardableResult
  package func write(step: Int, tensors: [NamedTensor], state: [String: String] = [:]) throws -> String {
    try write(step: step, tensors: tensors.map { ShardedTensor($0) }, state: state)
  }

  /// Whether this is rank 0, which completes checkpoints.
  var isFirst: Bool { rank == 0 }

  /// Removes the checkpoints of steps after `step`: those of a run that went another way. For rank 0.
  package func discard(after step: Int) throws {
    for later in try directory.steps() where later > step { try directory.delete(step: later) }
  }

  // MARK: A checkpoint's three acts

  /// Makes the directory to write to; all ranks call it, and none goes on before rank 0 has returned.
  func begin(step: Int) throws { if rank == 0 { _ = try directory.begin(step: step) } }

  /// Writes this rank's part; rank 0 returns when the checkpoint is complete.
  func write(step: Int, _ tensors: [StagedTensor], state: [String: String]) throws -> String {
    let partial = directory.path(step: step, .partial)
    let parts = RankParts(path: partial, step: step, rankCount: rankCount)
    guard rank == 0 else {
      do { try parts.announce(try writeShards(tensors, step: step, to: partial), of: rank) } catch {
        // Where not even that can be written, rank 0 will miss this one.
        try? parts.announce(error, of: rank)
        throw error
      }
      return directory.path(step: step)
    }
    do {
      var manifest = try writeShards(tensors, step: step, to: partial)
      manifest.state = try state.sorted { $0.key < $1.key }.map {
        try ShardFiles.writeState($0.key, $0.value, to: partial)
      }
      if rankCount > 1 {
        let others = try parts.collect { [self] in
          isHurried.load(ordering: .relaxed) ? min(patience, .seconds(5)) : patience
        }
        manifest.shards += others.flatMap(\.shards)
        manifest.tensors = try Manifest.joined(manifest.tensors + others.flatMap(\.tensors), path: partial)
      }
      try manifest.check(path: partial)
      try manifest.write(to: partial)
      try directory.commit(step: step)
    } catch {
      // The first failure is the one to report.
      try? directory.abandon(step: step)
      throw error
    }
    // A damaged one neither counts nor goes: somebody may want to look at it.
    let sound = try CheckpointStore(root).scan().checkpoints.map(\.step)
    for old in keep.superseded(sound, written: step) { try directory.delete(step: old) }
    return directory.path(step: step)
  }

  /// Lets rank 0 wait no longer than some seconds for the others: the run has failed, and a rank may be gone.
  func hurry() { isHurried.store(true, ordering: .relaxed) }

  private func writeShards(_ tensors: [StagedTensor], step: Int, to path: String) throws -> Manifest {
    let prefix = rankCount > 1 ? "\(RankParts.name(rank))-" : ""
    let shards = try ShardFiles(path: path, step: step, prefix: prefix, limit: shardLimit)
      .write(tensors.map(\.stored)) { file, tensor, range in try file.append(tensors[tensor].bytes(range)) }
    return Manifest(step: step, ranks: rankCount, tensors: shards.entries, shards: shards.files, state: [])
  }
}
