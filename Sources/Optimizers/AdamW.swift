import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), as `torch.optim.AdamW`.
///
///     m ← m + (1 − β₁)(g − m)        v ← v + (1 − β₂)(g² − v)
///     p ← p (1 − η λ)                 p ← p − η/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
package struct AdamW {
  private let config: Optimizer.Config
  private let pieces: [OptimizerPiece]
  private let mean: (arena: Tensor, parts: [Tensor])
  private let square: (arena: Tensor, parts: [Tensor])

  package init(_ config: Optimizer.Config, _ pieces: [OptimizerPiece]) {
    self.config = config
    self.pieces = pieces
    mean = pieces.zeros()
    square = pieces.zeros()
  }

  /// Makes update number `step`, counted from 1.
  package func update(step: Int, learningRate: Double, gradientScale: Double = 1) {
    precondition(step >= 1, "updates are counted from 1, got \(step)")
    var constants = AdamWStep(
      learningRate: Float(learningRate), beta1: Float(config.beta1), beta2: Float(config.beta2),
      epsilon: Float(config.epsilon), weightDecay: Float(config.weightDecay),
      correction1: Float(1 - pow(config.beta1, Double(step))),
      correction2: Float(1 - pow(config.beta2, Double(step))), gradientScale: Float(gradientScale))
    for (index, piece) in pieces.enumerated() {
      constants.weightDecay = piece.decays ? Float(config.weightDecay) : 0
      piece.values.updateAdamW(
        constants, gradient: piece.gradients, mean: mean.parts[index], square: square.parts[index])
    }
  }

  package var state: [NamedTensor] {
    [NamedTensor("optimizer.mean", mean.arena), NamedTensor("optimizer.square", square.arena)]
  }
}
