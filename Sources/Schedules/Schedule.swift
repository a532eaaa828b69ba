/// The order in which every stage of a pipeline works on the microbatches of a step: a value that the engine
/// executes, the planner simulates and telemetry draws.
///
/// Model chunk c of stage s is run c · stages + s of the model's layers. Whatever the kind, the backward
/// passes of a chunk go through the microbatches in order 0, 1, …, and so do its `weights`: gradients add up
/// in the order of a run without a pipeline.
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

  /// A schedule of a shape in which `problem` finds none.
  package init(_ kind: Kind, stages: Int, chunks: Int = 1, microbatches: Int) {
    let problem = Self.problem(kind: kind, stages: stages, chunks: chunks, microbatches: microbatches)
    precondition(problem == nil, problem ?? "")
    self.kind = kind
    self.stages = stages
    self.chunks = chunks
    self.microbatches = microbatches
  }

  /// What `stage` does, in order.
  package func actions(stage: Int) -> [Action] {
    precondition((0..<stages).contains(stage), "stage \(stage) of \(stages)")
    return switch kind {
    case .gpipe: gpipe()
    case .oneForwardOneBackward: oneForwardOneBackward(stage)
    case .interleaved: interleaved(stage)
    case .zeroBubble: zeroBubble(stage)
    }
  }

  /// Whether `backward` leaves the weight gradients to a `weights` that follows.
  package var splitsBackward: Bool { kind == .zeroBubble }
}

extension Schedule {
  /// Why there is no such schedule and what would work, in a sentence; nil where there is one.
  package static func problem(kind: Kind, stages: Int, chunks: Int = 1, microbatches: Int) -> String? {
    for (count, name) in [(stages, "stages"), (chunks, "chunks a stage"), (microbatches, "microbatches")]
    where count < 1 {
      return "a pipeline of \(count) \(name): at least one is needed"
    }
    return switch kind {
    case .gpipe: nil
    case .oneForwardOneBackward where chunks > 1:
      "1f1b has one model chunk a stage, got \(chunks): interleave 1, or the interleaved schedule"
    case .zeroBubble where chunks > 1:
      "zero_bubble has one model chunk a stage, got \(chunks): interleave 1, or the interleaved schedule"
    case .interleaved where chunks == 1:
      "interleaved needs two or more model chunks a stage, got 1: interleave 2, or the 1f1b schedule"
    case .oneForwardOneBackward, .zeroBubble, .interleaved: nil
    }
  }
}
