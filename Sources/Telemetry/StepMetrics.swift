/// A measured number with its name.
package struct Scalar: Sendable, Equatable {
  package let name: String
  package let value: Double

  package init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// What one training step measured.
package struct StepMetrics: Sendable, Equatable {
  /// Counted from 1: the number of updates done, this one included.
  package var step: Int
  /// Mean loss per token, in nats.
  package var loss: Double
  /// L2 norm of all gradients before clipping.
  package var gradientNorm: Double
  package var learningRate: Double
  /// Tokens this step consumed.
  package var tokens: Int
  /// Wall-clock seconds this step took.
  package var seconds: Double
  /// Further measurements of this step, such as a held-out loss.
  package var extras: [Scalar]

  package init(
    step: Int, loss: Double, gradientNorm: Double, learningRate: Double, tokens: Int, seconds: Double,
    extras: [Scalar] = []
  ) {
    self.step = step
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.learningRate = learningRate
    self.tokens = tokens
    self.seconds = seconds
    self.extras = extras
  }
}
