import Dispatch
import Tensors

/// Writes checkpoints while training goes on.
///
/// `save` copies the tensors and returns; a thread of its own writes the copy. There is one copy, in memory
/// that is reused, so at most one checkpoint is on its way and a second save waits for the first. What went
/// wrong with a checkpoint is thrown by the next call.
///
/// Where there are several ranks, each has one and all save the same steps. Rank 0's checkpoint is on its way until
/// it is complete, another rank's until its part is written: what goes wrong with a part is thrown by its rank and
/// by rank 0.
package final class AsyncCheckpointWriter {
  private let writer: CheckpointWriter
  private let staging = StagingBuffer()
  private let queue = DispatchQueue(label: "needletail.checkpoints")
  private var inFlight: Job?
  /// The newest checkpoint that is known to be complete; of rank 0.
  package private(set) var written: String?

  package init(_ writer: CheckpointWriter) { self.writer = writer }

  deinit {
    if inFlight != nil { writer.hurry() }
    wait()
  }

  /// Copies `tensors` and begins to write the checkpoint of `step`. Throws what went wrong with the one before,
  /// in which case this one is not begun.
  ///
  /// - Parameters:
  ///   - tensors: what this rank holds; all ranks together hold every element of every tensor once.
  ///   - state: small texts by plain file names; rank 0's counts.
  ///   - barrier: returns when all ranks have called it, which each does whatever went wrong before.
  package func save(
    step: Int, tensors: [ShardedTensor], state: [String: String] = [:], barrier: () throws -> Void = {}
  ) throws {
    let begun = Result {
      try finish()
      try writer.begin(step: step)
    }
    try barrier()
    try begun.get()
    let job = Job(step: step, tensors: staging.copy(tensors), state: state, staging: staging)
    inFlight = job
    queue.async { [writer] in
      job.result = Result { try writer.write(step: job.step, job.tensors, state: job.state) }
    }
  }

  /// Saves whole tensors.
  package func save(step: Int, tensors: [NamedTensor], state: [String: String] = [:]) throws {
    try save(step: step, tensors: tensors.map { ShardedTensor($0) }, state: state)
  }

  /// Waits for the checkpoint on its way, if any, and throws what went wrong with it.
  package func finish() throws {
    guard let job = inFlight else { return }
    inFlight = nil
    wait()
    let path = try job.result?.get()
    if writer.isFirst { written = path ?? written }
  }

  /// Returns when the queue is empty and has let go of the writer, so that another may open its directory.
  private func wait() { queue.sync {} }

  /// A checkpoint on its way. The queue writes `result`; it is read after `wait()`.
  private final class Job: @unchecked Sendable {
    let step: Int
    let tensors: [StagedTensor]
    let state: [String: String]
    /// Holds the memory of `tensors`.
    let staging: StagingBuffer
    var result: Result<String, any Error>?

    init(step: Int, tensors: [StagedTensor], state: [String: String], staging: StagingBuffer) {
      self.step = step
      self.tensors = tensors
      self.state = state
      self.staging = staging
    }
  }
}
