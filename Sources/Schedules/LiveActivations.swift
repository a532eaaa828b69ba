/// What a stage holds at its fullest, in passes of a microbatch through one of its chunks.
package struct LiveActivations: Sendable, Hashable {
  /// Activations between a forward pass and its backward pass.
  package var activations: Int
  /// Inputs and output gradients between a backward pass and its `weights`.
  package var weights = 0
  /// The most of both at a time.
  package var together: Int
}

extension Schedule {
  /// What `stage` holds at its fullest, counted along its actions.
  package func peakLiveActivations(stage: Int) -> LiveActivations {
    var now = LiveActivations(activations: 0, together: 0)
    var peak = now
    for action in actions(stage: stage) {
      switch action {
      case .forward: now.activations += 1
      case .backward:
        now.activations -= 1
        now.weights += splitsBackward ? 1 : 0
      case .weights: now.weights -= 1
      }
      peak.activations = max(peak.activations, now.activations)
      peak.weights = max(peak.weights, now.weights)
      peak.together = max(peak.together, now.activations + now.weights)
    }
    return peak
  }

  /// What the papers promise that `stage` holds at most: m·v for GPipe, p − s for 1F1B (PTD-P §2.2.1), the
  /// warm-up and one more when interleaved (§2.2.2), and for ZB-H1 p in all, 1F1B's first stage (Qi et al.
  /// 2023 §2.3).
  package func liveActivationBound(stage: Int) -> LiveActivations {
    let forward = min(warmUp(stage) + 1, microbatches * chunks)
    return switch kind {
    case .gpipe, .oneForwardOneBackward, .interleaved:
      LiveActivations(activations: forward, together: forward)
    case .zeroBubble:
      LiveActivations(
        activations: forward, weights: min(stage + 1, microbatches), together: min(stages, microbatches))
    }
  }
}
