extension Schedule {
  /// ZB-H1 (Qi et al. 2023): 1F1B whose backward passes leave out the weight gradients, so that the stage
  /// before gets its gradient sooner. Stage s makes them s microbatches later: it holds what s microbatches
  /// fewer forward passes leave room for, and what is left at the end fills its bubble.
  func zeroBubble(_ stage: Int) -> [Action] {
    let behind = min(stage, microbatches)
    return oneForwardOneBackward(stage).flatMap { action -> [Action] in
      guard case .backward(let microbatch, let chunk) = action, microbatch >= behind else { return [action] }
      return [action, .weights(microbatch: microbatch - behind, chunk: chunk)]
    } + (microbatches - behind..<microbatches).map { .weights(microbatch: $0, chunk: 0) }
  }
}
