import CKernels

/// The constants of one AdamW step.
package struct AdamWStep: Sendable {
  package var learningRate: Float
  package var beta1: Float
  package var beta2: Float
  package var epsilon: Float
  package var weightDecay: Float
  /// 1 − betaᵗ.
  package var correction1: Float
  package var correction2: Float
  /// Multiplies the gradient first: clipping and loss scale.
  package var gradientScale: Float

  package init(
    learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, correction1: Float,
    correction2: Float, gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.correction1 = correction1
    self.correction2 = correction2
    self.gradientScale = gradientScale
  }
}

extension Tensor {
  /// One step of AdamW (Loshchilov & Hutter 2019) on parameters self, in one pass; leaves the gradient zero.
  package func updateAdamW(_ step: AdamWStep, gradient: Tensor, mean: Tensor, square: Tensor) {
    precondition(gradient.count == count && mean.count == count && square.count == count, "counts differ")
    var arguments = nk_adamw_args(
      learning_rate: step.learningRate, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon,
      weight_decay: step.weightDecay, correction1: step.correction1, correction2: step.correction2,
      gradient_scale: step.gradientScale)
    // All four arenas are read and written, the gradient as zero.
    device.run("adamw", bytes: 8 * byteCount) {
      nk_adamw($0, &arguments, f32, gradient.f32, mean.f32, square.f32, Int64(count))
    }
  }

  /// velocity = momentum·velocity + g, then self −= rate·velocity (Nesterov: rate·(g + momentum·velocity)),
  /// with g = scale·gradient + decay·self; leaves the gradient zero.
  package func updateSGD(
    learningRate: Float, momentum: Float, isNesterov: Bool, weightDecay: Float, gradientScale: Float,
    gradient: Tensor, velocity: Tensor
  ) {
    precondition(gradient.count == count && velocity.count == count, "counts differ")
    device.run("sgd", bytes: 6 * byteCount) {
      nk_sgd(
        $0, learningRate, momentum, isNesterov, weightDecay, gradientScale, f32, gradient.f32, velocity.f32,
        Int64(count))
    }
  }
}
