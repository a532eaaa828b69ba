import Tensors

/// y = residual + dropout(linear(x)): how each half of a transformer block returns to the residual stream.
package struct ResidualProjection {
  package let linear: Linear
  package let dropout: Float
  /// The block's index and the place in it, which name the random stream.
  private let index: Int
  private let place: String

  package init(_ linear: Linear, dropout: Float, index: Int, place: String) {
    self.linear = linear
    self.dropout = dropout
    self.index = index
    self.place = place
  }

  package func apply(_ x: Tensor, residual: Tensor, _ microbatch: Microbatch) -> Tensor {
    guard dropout > 0, let key = microbatch.key else { return linear.apply(x, Epilogue(residual: residual)) }
    let y = linear.apply(x)
    y.setDropout(of: y, probability: dropout, key: stream(key), residual: residual)
    return y
  }

  /// dx, with an epilogue; the residual's gradient is dy itself.
  package func backward(
    _ dy: Tensor, x: Tensor, _ microbatch: Microbatch, _ epilogue: Epilogue = Epilogue()
  ) -> Tensor {
    var dropped = dy
    if dropout > 0, let key = microbatch.key {
      dropped = Tensor(uninitialized: dy.shape, on: dy.device)
      dropped.setDropout(of: dy, probability: dropout, key: stream(key))
    }
    linear.addGradients(dropped, x: x, microbatch)
    return linear.inputGradient(dropped, epilogue)
  }

  private func stream(_ key: RandomKey) -> UInt64 { key.at(index).at(place).value }
}
