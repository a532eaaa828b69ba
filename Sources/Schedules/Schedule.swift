/// The order in which every stage of a pipeline works on the microbatches of a step: a value that the engine
/// executes, the planner simulates and telemetry draws.
package struct Schedule: Sendable, Hashable {
  package enum Kind: String, Codable, CaseIterable, Sendable {
    /// All forward, then all backward (Huang et al. 2019).
    case gpipe
    /// One forward, one backward (Narayanan et al. 2019; PTD-P §2.2.1).
    case oneForwardOneBackward = "1f1b"
    /// The same with several model chunks a stage (PTD-P §2.2.2).
    case interleaved
    /// The backward split in two, so that weight gradients fill the bubble (ZB-H1, Qi et al. 2023).
    case zeroBubble = "zero_bubble"
  }

  package let kind: Kind
  package let stages: Int
  /// Model chunks of each stage.
  package let chunks: Int
  package let microbatches: Int

  package init(_ kind: Kind, stages: Int, chunks: Int = 1, microbatches: Int) {
    self.kind = kind
    self.stages = stages
    self.chunks = chunks
    self.microbatches = microbatches
  }

  /// What `stage` does, in order.
  package func actions(stage: Int) -> [Action] {
    (0..<microbatches).map { .forward(microbatch: $0, chunk: 0) }
      + (0..<microbatches).map { .backward(microbatch: $0, chunk: 0) }
  }
}
