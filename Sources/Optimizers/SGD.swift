import Tensors

/// Stochastic gradient descent with momentum, as `torch.optim.SGD` with no dampening.
///
///     g ← g + λ p        v ← μ v + g        p ← p − η v        (Nesterov: p ← p − η (g + μ v))
package struct SGD {
  private let config: Optimizer.Config
  private let decayedCount: Int
  private let values: Tensor
  private let gradients: Tensor
  private let velocity: Tensor

  package init(_ config: Optimizer.Config, values: Tensor, gradients: Tensor, decayedCount: Int) {
    precondition(gradients.count == values.count, "\(gradients.count) gradients for \(values.count) values")
    self.config = config
    self.decayedCount = decayedCount
    self.values = values
    self.gradients = gradients
    velocity = Tensor(zeros: values.shape, on: values.device)
  }

  package func update(learningRate: Double, gradientScale: Double = 1) {
    apply(learningRate, gradientScale, weightDecay: config.weightDecay, to: 0..<decayedCount)
    apply(learningRate, gradientScale, weightDecay: 0, to: decayedCount..<values.count)
  }

  private func apply(
    _ learningRate: Double, _ gradientScale: Double, weightDecay: Double, to range: Range<Int>
  ) {
    guard !range.isEmpty else { return }
    let shape = Shape(range.count)
    values.elements(range, as: shape).updateSGD(
      learningRate: Float(learningRate), momentum: Float(config.momentum), isNesterov: config.nesterov,
      weightDecay: Float(weightDecay), gradientScale: Float(gradientScale),
      gradient: gradients.elements(range, as: shape), velocity: velocity.elements(range, as: shape))
  }

  package var state: [NamedTensor] { [NamedTensor("optimizer.velocity", velocity)] }
}
