import Dispatch
import Tensors

/// Writes checkpoints while training goes on.
///
/// `save` copies the tensors and returns; a thread of its own writes the copy. There is one copy, in memory
/// that is reused, so at most one checkpoint is on its way and a second save waits for the first. What went
/// wrong with a checkpoint is thrown by the next call.
package final class AsyncCheckpointWriter {
  private let writer: CheckpointWriter
  private let staging = StagingBuffer()
  private let queue = DispatchQueue(label: "needletail.checkpoints")
  private var inFlight: Job?
  /// The newest checkpoint that is known to be complete.
  package private(set) var written: String?

  package init(_ writer: CheckpointWriter) { self.writer = writer }

  deinit { wait() }

  /// Copies `tensors` and begins to write the checkpoint of `step`. Throws what went wrong with the one before,
  /// in which case this one is not begun.
  package func save(step: Int, tensors: [NamedTensor], state: [String: String] = [:]) throws {
    try finish()
    let job = Job(step: step, tensors: staging.copy(tensors), state: state, staging: staging)
    inFlight = job
    queue.async { [writer] in
      job.result = Result { try writer.write(step: job.step, job.tensors, state: job.state) }
    }
  }

  /// Waits for the checkpoint on its way, if any, and throws what went wrong with it.
  package func finish() throws {
    guard let job = inFlight else { return }
    inFlight = nil
    wait()
    written = try job.result?.get() ?? written
  }

  /// Returns when the queue is empty and has let go of the writer, so that another may open its directory.
  private func wait() { queue.sync {} }

  /// A checkpoint on its way. The queue writes `result`; it is read after `wait()`.
  private final class Job: @unchecked Sendable {
    let step: Int
    let tensors: [StoredTensor]
    let state: [String: String]
    /// Holds the memory of `tensors`.
    let staging: StagingBuffer
    var result: Result<String, any Error>?

    init(step: Int, tensors: [StoredTensor], state: [String: String], staging: StagingBuffer) {
      self.step = step
      self.tensors = tensors
      self.state = state
      self.staging = staging
    }
  }
}
