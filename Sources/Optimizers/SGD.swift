import Tensors

/// Stochastic gradient descent with momentum, as `torch.optim.SGD` with no dampening.
///
///     g ← g + λ p        v ← μ v + g        p ← p − η v        (Nesterov: p ← p − η (g + μ v))
package struct SGD {
  private let config: Optimizer.Config
  private let pieces: [OptimizerPiece]
  private let velocity: (arena: Tensor, parts: [Tensor])

  package init(_ config: Optimizer.Config, _ pieces: [OptimizerPiece]) {
    self.config = config
    self.pieces = pieces
    velocity = pieces.zeros()
  }

  package func update(learningRate: Double, gradientScale: Double = 1) {
    for (index, piece) in pieces.enumerated() {
      piece.values.updateSGD(
        learningRate: Float(learningRate), momentum: Float(config.momentum), isNesterov: config.nesterov,
        weightDecay: piece.decays ? Float(config.weightDecay) : 0, gradientScale: Float(gradientScale),
        gradient: piece.gradients, velocity: velocity.parts[index])
    }
  }

  package var state: [NamedTensor] { [NamedTensor("optimizer.velocity", velocity.arena)] }
}
