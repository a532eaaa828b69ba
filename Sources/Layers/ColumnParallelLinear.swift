import Tensors

/// y = x·Wᵀ + b with the outputs divided among ranks.  x: [tokens held, in], y: [tokens, own out]
///
/// Rank r holds rows of W: no rank needs another's y. On the way back, each rank has a part of dx, and the parts are
/// added under the product for dW.
package struct ColumnParallelLinear {
  package let linear: Linear
  private let axis: TensorAxis

  /// `parts`: several maps of one input, each with the rows that this rank holds.
  package init(
    _ parts: [PartShare], in inWidth: Int, bias: Bool, deviation: Float, _ axis: TensorAxis,
    _ store: ParameterStore
  ) {
    self.axis = axis
    linear = Linear(parts, in: inWidth, bias: bias, deviation: deviation, store)
  }

  package func apply(_ x: Tensor, _ epilogue: Epilogue = Epilogue()) -> Tensor {
    linear.apply(axis.startGathering(x).wait(), epilogue)
  }

  /// dx, for the tokens held; gradients are accumulated.
  package func backward(_ dy: Tensor, x: Tensor, _ microbatch: Microbatch) -> Tensor {
    let whole = axis.startGathering(x)
    let dx = axis.startSumming(linear.inputGradient(dy))
    linear.addGradients(dy, x: whole.wait(), microbatch)
    return dx.wait()
  }
}
