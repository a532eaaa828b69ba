import Tensors

/// Normalises each token's vector: LayerNorm, LayerNorm1P or RMSNorm (`NormKind` has the formulas).
package struct Norm: Layer {
  package let kind: NormKind
  package let epsilon: Float
  package let gain: Parameter
  package let bias: Parameter?

  package struct Saved {
    let x: Tensor
    /// Mean and 1/deviation of each row. [tokens, 2]
    let statistics: Tensor
  }

  /// Declares `<name>.weight` and, except for RMSNorm, `<name>.bias`, which every rank of `axis` holds. Where ranks
  /// divide the tokens, each has a part of their gradients.
  package init(
    _ name: String, _ kind: NormKind, width: Int, epsilon: Float, _ axis: TensorAxis,
    _ store: ParameterStore
  ) {
    self.kind = kind
    self.epsilon = epsilon
    let share = PartShare(name, rows: width, isPartial: axis.splitsTokens, isKept: axis.rank == 0)
    gain = store.add(
      [share.named(".weight")], columns: nil, decays: false, .constant(kind == .layerNorm1P ? 0 : 1))
    bias =
      kind.hasBias ? store.add([share.named(".bias")], columns: nil, decays: false, .constant(0)) : nil
  }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved) {
    let y = Tensor(uninitialized: Shape(x.rows, x.columns), on: x.device)
    let statistics = Tensor(uninitialized: Shape(x.rows, 2), on: x.device)
    y.setNorm(
      kind, of: x, gain: gain.value, bias: bias?.value, epsilon: epsilon, statistics: statistics)
    return (y, Saved(x: x, statistics: statistics))
  }

  package func backward(_ dy: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) -> Tensor {
    backward(dy, saved, residual: nil)
  }

  /// dx + residual: what flows past the norm joins here.
  package func backward(_ dy: Tensor, _ saved: Saved, residual: Tensor?) -> Tensor {
    let dx = Tensor(uninitialized: Shape(dy.rows, dy.columns), on: dy.device)
    dx.setNormGradient(
      kind, dy, at: saved.x, gain: gain.value, statistics: saved.statistics, residual: residual,
      gainGradient: gain.gradient, biasGradient: bias?.gradient)
    return dx
  }

  package func savedBytes(tokens: Int) -> Int { tokens * 2 * DType.f32.size }
}
