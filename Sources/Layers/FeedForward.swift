import Tensors

/// y = x + dropout(down(activation(up(norm(x))))): the second half of a pre-norm transformer block.
package struct FeedForward: Layer {
  package let norm: Norm
  /// [2·]inner out: the gate beside the value where the activation is gated.
  package let up: ColumnParallelLinear
  package let down: RowParallelLinear
  package let activation: Activation
  /// Whether only what is dear to compute is kept for the way back.
  package let isSelective: Bool
  private let axis: TensorAxis

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
    _ axis: TensorAxis, _ store: ParameterStore
  ) {
    self.norm = norm
    self.axis = axis
    let parts = (activation.isGated ? ["gate", "up"] : ["up"]).map {
      PartShare("\(name).\($0)", rows: inner, held: axis.share(of: inner))
    }
    up = ColumnParallelLinear(parts, in: width, bias: bias, deviation: deviation, axis, store)
    down = RowParallelLinear(
      "\(name).down", in: inner, out: width, bias: bias, deviation: outputDeviation, dropout: dropout,
      index: index, place: "feed-forward output", axis, store)
    self.activation = activation
    self.isSelective = isSelective
  }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved) {
    let (normed, norms) = norm.forward(x, microbatch)
    let activated = Tensor(uninitialized: Shape(microbatch.tokens, down.linear.inWidth), on: x.device)
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
    return norm.backward(up.backward(dUp, x: cheap.normed, microbatch), norms, residual: dy)
  }

  package func savedBytes(tokens: Int) -> Int {
    let held = axis.held(tokens) * (isSelective ? 2 : 2 + up.linear.inWidth)
    let own = tokens * (isSelective ? up.linear.outWidth : up.linear.outWidth + down.linear.inWidth)
    return (held + own) * DType.f32.size
  }

  private func recompute(_ saved: Saved, _ microbatch: Microbatch) -> Cheap {
    let (normed, _) = norm.forward(saved.x, microbatch)
    let activated = Tensor(uninitialized: Shape(microbatch.tokens, down.linear.inWidth), on: normed.device)
    if activation.isGated {
      activated.setSwiGLU(saved.preactivation)
    } else {
      activated.setActivation(activation, of: saved.preactivation)
    }
    return Cheap(normed: normed, activated: activated)
  }
}
