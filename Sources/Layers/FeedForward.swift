import Tensors

/// y = x + dropout(down(activation(up(norm(x))))): the second half of a pre-norm transformer block.
package struct FeedForward: Layer {
  package let norm: Norm
  /// [2·]inner out: the gate beside the value where the activation is gated.
  package let up: Linear
  package let down: ResidualProjection
  package let activation: Activation
  /// Whether only what is dear to compute is kept for the way back.
  package let isSelective: Bool

  package struct Saved {
    let x: Tensor
    let statistics: Tensor
    let preactivation: Tensor
    /// norm(x) and the activation; recomputed when selective.
    let cheap: Cheap?
  }

  package struct Cheap {
    let normed: Tensor
    let activated: Tensor
  }

  package init(
    _ name: String, norm: Norm, width: Int, inner: Int, activation: Activation, bias: Bool,
    deviation: Float, outputDeviation: Float, dropout: Float, index: Int, isSelective: Bool,
    _ store: ParameterStore
  ) {
    self.norm = norm
    let parts =
      activation.isGated ? [("\(name).gate", inner), ("\(name).up", inner)] : [("\(name).up", inner)]
    up = Linear(parts, in: width, bias: bias, deviation: deviation, store)
    down = ResidualProjection(
      Linear("\(name).down", in: inner, out: width, bias: bias, deviation: outputDeviation, store),
      dropout: dropout, index: index, place: "feed-forward output")
    self.activation = activation
    self.isSelective = isSelective
  }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved) {
    let (normed, norms) = norm.forward(x, microbatch)
    let activated = Tensor(uninitialized: Shape(x.rows, down.linear.inWidth), on: x.device)
    let preactivation: Tensor
    if activation.isGated {
      preactivation = up.apply(normed)
      activated.setSwiGLU(preactivation)
    } else {
      preactivation = up.apply(normed, Epilogue(activated: (activation, activated)))
    }
    let y = down.apply(activated, residual: x, microbatch)
    return (
      y,
      Saved(
        x: x, statistics: norms.statistics, preactivation: preactivation,
        cheap: isSelective ? nil : Cheap(normed: normed, activated: activated))
    )
  }

  package func backward(_ dy: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) -> Tensor {
    let norms = Norm.Saved(x: saved.x, statistics: saved.statistics)
    let cheap = saved.cheap ?? recompute(saved, microbatch)
    let dUp: Tensor
    if activation.isGated {
      dUp = Tensor(uninitialized: saved.preactivation.shape, on: dy.device)
      dUp.setSwiGLUGradient(
        down.backward(dy, x: cheap.activated, microbatch), at: saved.preactivation)
    } else {
      dUp = down.backward(
        dy, x: cheap.activated, microbatch, Epilogue(derivative: (activation, saved.preactivation)))
    }
    up.addGradients(dUp, x: cheap.normed, microbatch)
    return norm.backward(up.inputGradient(dUp), norms, residual: dy)
  }

  package func savedBytes(tokens: Int) -> Int {
    let kept = 2 + up.outWidth
    return tokens * (isSelective ? kept : kept + up.inWidth + down.linear.inWidth) * DType.f32.size
  }

  private func recompute(_ saved: Saved, _ microbatch: Microbatch) -> Cheap {
    let (normed, _) = norm.forward(saved.x, microbatch)
    let activated = Tensor(uninitialized: Shape(normed.rows, down.linear.inWidth), on: normed.device)
    if activation.isGated {
      activated.setSwiGLU(saved.preactivation)
    } else {
      activated.setActivation(activation, of: saved.preactivation)
    }
    return Cheap(normed: normed, activated: activated)
  }
}
