/// How long a stage takes for one microbatch, in any unit; each of its chunks takes its share.
package struct PassTimes: Sendable, Hashable {
  package var forward: Double
  /// The gradient of the input.
  package var backward: Double
  /// The gradients of the weights; a part of the backward pass where the schedule does not split it.
  package var weights: Double

  package init(forward: Double = 1, backward: Double = 1, weights: Double = 1) {
    self.forward = forward
    self.backward = backward
    self.weights = weights
  }
}

extension Schedule {
  /// How long `action` takes when a stage's times are `times`.
  package func duration(of action: Action, _ times: PassTimes) -> Double {
    let whole =
      switch action {
      case .forward: times.forward
      case .backward: splitsBackward ? times.backward : times.backward + times.weights
      case .weights: times.weights
      }
    return whole / Double(chunks)
  }

  /// The pipeline bubble, idle time over working time, where every stage takes the same time and transfers
  /// take none.
  ///
  ///     (p − 1) / m                        gpipe, 1f1b                        PTD-P §2.2.1
  ///     (p − 1) / (v·m)                    interleaved, gpipe with chunks     PTD-P §2.2.2
  ///     (p − 1)·(F + B − W) / (m·(F + B + W))   zero_bubble, W ≤ F and W ≤ B   Qi et al. 2023 §2.3
  ///
  /// These hold for m ≥ p. With fewer microbatches a lap takes as long as its p stages, which adds (v − 1)·(p
  /// − m) passes, and to zero_bubble (p − m)·W. Where W is longer than F or B, only so much of it fills the
  /// bubble.
  package func bubbleFormula(_ times: PassTimes = PassTimes()) -> Double {
    let (p, v, m) = (Double(stages), Double(chunks), Double(microbatches))
    let missing = max(0, p - m)
    guard splitsBackward else { return (p - 1 + (v - 1) * missing) / (v * m) }
    let filling = min(times.forward, times.backward, times.weights)
    let idle = (p - 1) * (times.forward + times.backward - filling) + missing * filling
    return idle / (m * (times.forward + times.backward + times.weights))
  }

  /// `bubbleFormula` in symbols: "(p − 1)/m".
  package func bubbleFormulaText(_ times: PassTimes = PassTimes()) -> String {
    let isShort = microbatches < stages
    guard splitsBackward else {
      guard chunks > 1 else { return "(p − 1)/m" }
      return isShort ? "(p − 1 + (v − 1)·(p − m))/(v·m)" : "(p − 1)/(v·m)"
    }
    let filling = times.weights <= min(times.forward, times.backward) ? "W" : "min(F, B)"
    let idle = "(p − 1)·(F + B − \(filling))"
    return (isShort ? "(\(idle) + (p − m)·\(filling))" : idle) + "/(m·(F + B + W))"
  }
}
