import Tensors

/// y = residual + dropout(x·Wᵀ + b) with the inputs divided among ranks: how each half of a transformer block
/// returns to the residual stream.  x: [tokens, own in], residual, y: [tokens held, out]
///
/// Rank r holds columns of W and computes a part of every output; the parts are added. On the way back nothing is.
package struct RowParallelLinear {
  package let linear: Linear
  package let dropout: Float
  private let axis: TensorAxis
  /// The block's index and the place in it, which name the random stream.
  private let index: Int
  private let place: String

  /// Declares `<name>.weight` [out, in] and `<name>.bias` [out], which every rank holds.
  package init(
    _ name: String, in inWidth: Int, share: Range<Int>? = nil, out outWidth: Int, bias: Bool,
    deviation: Float, dropout: Float, index: Int, place: String, _ axis: TensorAxis, _ store: ParameterStore
  ) {
    linear = Linear(
      [PartShare(name, rows: outWidth, isKept: axis.rank == 0)], in: inWidth,
      columns: share ?? axis.share(of: inWidth), bias: bias, deviation: deviation, store)
    self.dropout = dropout
    self.axis = axis
    self.index = index
    self.place = place
  }

  package func apply(_ x: Tensor, residual: Tensor, _ microbatch: Microbatch) -> Tensor {
    let isDropping = dropout > 0 && microbatch.key != nil
    // One rank adds what is to be added once; the residual of all tokens is at hand where they are not divided.
    let isFirst = axis.rank == 0
    let joins = !isDropping && !axis.splitsTokens
    let y = axis.startSumming(
      linear.apply(x, Epilogue(residual: joins && isFirst ? residual : nil), addsBias: isFirst)
    ).wait()
    if let key = microbatch.key, isDropping {
      y.setDropout(
        of: y, probability: dropout, key: stream(key), residual: residual, first: axis.firstElement(of: y))
    } else if !joins {
      y.add(residual)
    }
    return y
  }

  /// dx, with an epilogue; the residual's gradient is dy itself.
  package func backward(
    _ dy: Tensor, x: Tensor, _ microbatch: Microbatch, _ epilogue: Epilogue = Epilogue()
  ) -> Tensor {
    var dropped = dy
    if dropout > 0, let key = microbatch.key {
      dropped = Tensor(uninitialized: dy.shape, on: dy.device)
      dropped.setDropout(
        of: dy, probability: dropout, key: stream(key), first: axis.firstElement(of: dy))
    }
    let whole = axis.startGathering(dropped).wait()
    linear.addGradients(whole, x: x, microbatch)
    return linear.inputGradient(whole, epilogue)
  }

  private func stream(_ key: RandomKey) -> UInt64 { key.at(index).at(place).value }
}
