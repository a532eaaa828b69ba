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
  private let decayedCount: Int
  private let values: Tensor
  private let gradients: Tensor
  private let mean: Tensor
  private let square: Tensor

  package init(_ config: Optimizer.Config, values: Tensor, gradients: Tensor, decayedCount: Int) {
    precondition(gradients.count == values.count, "\(gradients.count) gradients for \(values.count) values")
    self.config = config
    self.decayedCount = decayedCount
    self.values = values
    self.gradients = gradients
    mean = Tensor(zeros: values.shape, on: values.device)
    square = Tensor(zeros: values.shape, on: values.device)
  }

  /// Makes update number `step`, counted from 1.
  package func update(step: Int, learningRate: Double, gradientScale: Double = 1) {
    precondition(step >= 1, "updates are counted from 1, got \(step)")
    var constants = AdamWStep(
      learningRate: Float(learningRate), beta1: Float(config.beta1), beta2: Float(config.beta2),
      epsilon: Float(config.epsilon), weightDecay: Float(config.weightDecay),
      correction1: Float(1 - pow(config.beta1, Double(step))),
      correction2: Float(1 - pow(config.beta2, Double(step))), gradientScale: Float(gradientScale))
    apply(constants, to: 0..<decayedCount)
    constants.weightDecay = 0
    apply(constants, to: decayedCount..<values.count)
  }

  private func apply(_ constants: AdamWStep, to range: Range<Int>) {
    guard !range.isEmpty else { return }
    let shape = Shape(range.count)
    values.elements(range, as: shape).updateAdamW(
      constants, gradient: gradients.elements(range, as: shape), mean: mean.elements(range, as: shape),
      square: square.elements(range, as: shape))
  }

  package var state: [NamedTensor] {
    [NamedTensor("optimizer.mean", mean), NamedTensor("optimizer.square", square)]
  }
}
