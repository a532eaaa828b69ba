extension Schedule {
  /// One forward, one backward (PTD-P §2.2.1): a stage begins with as many forward passes as stages are
  /// behind it, so that the first backward pass finds it ready, and then holds the number of live
  /// microbatches.
  func oneForwardOneBackward(_ stage: Int) -> [Action] {
    Self.inTurn(
      forward: (0..<microbatches).map { .forward(microbatch: $0, chunk: 0) },
      backward: (0..<microbatches).map { .backward(microbatch: $0, chunk: 0) },
      warmUp: warmUp(stage))
  }

  /// `warmUp` forward passes, then one forward and one backward in turn, then the backward passes that are
  /// left.
  static func inTurn(forward: [Action], backward: [Action], warmUp: Int) -> [Action] {
    forward.prefix(warmUp)
      + zip(forward.dropFirst(warmUp), backward).flatMap { [$0, $1] }
      + backward.suffix(warmUp)
  }

  /// The forward passes of `stage` before its first pair of a forward and a backward pass.
  func warmUp(_ stage: Int) -> Int {
    switch kind {
    case .gpipe: microbatches * chunks
    case .oneForwardOneBackward, .zeroBubble: min(stages - stage - 1, microbatches)
    case .interleaved:
      // Before the last chunk's first forward pass stands a group of each other chunk; then two passes go by
      // for each stage behind until it comes back.
      min(2 * (stages - stage - 1) + (chunks - 1) * (groups.first?.count ?? 0), microbatches * chunks)
    }
  }
}
