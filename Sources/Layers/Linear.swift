import Tensors

/// y = x·Wᵀ + b.  x: [tokens, in], W: [out, in], b: [out], y: [tokens, out]
package struct Linear: Layer {
  package let weight: Parameter
  package let bias: Parameter?

  /// Declares `<name>.weight` [out, in] and `<name>.bias` [out].
  package init(
    _ name: String, in inWidth: Int, out outWidth: Int, bias: Bool, deviation: Float, _ store: ParameterStore
  ) {
    self.init([PartShare(name, rows: outWidth)], in: inWidth, bias: bias, deviation: deviation, store)
  }

  /// Declares several maps of one input that are computed as one; outputs stand side by side. This rank holds
  /// the rows that `parts` name and, of W, the columns `columns`: all where it is nil.
  package init(
    _ parts: [PartShare], in inWidth: Int, columns: Range<Int>? = nil, bias: Bool, deviation: Float,
    _ store: ParameterStore
  ) {
    weight = store.add(
      parts.map { $0.named(".weight", isKept: $0.isKept || columns != nil) }, columns: inWidth,
      holding: columns, decays: true, .normal(deviation: deviation))
    self.bias =
      bias ? store.add(parts.map { $0.named(".bias") }, columns: nil, decays: false, .constant(0)) : nil
  }

  package var outWidth: Int { weight.shape[0] }
  package var inWidth: Int { weight.shape[1] }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Tensor) {
    (apply(x), x)
  }

  package func backward(_ dy: Tensor, _ x: consuming Tensor, _ microbatch: Microbatch) -> Tensor {
    addGradients(dy, x: x, microbatch)
    return inputGradient(dy)
  }

  package func savedBytes(tokens: Int) -> Int { 0 }

  /// y with an epilogue; the bias is added here.
  package func apply(_ x: Tensor, _ epilogue: Epilogue = Epilogue(), addsBias: Bool = true) -> Tensor {
    let y = Tensor(uninitialized: Shape(x.rows, outWidth), on: x.device)
    var epilogue = epilogue
    if addsBias { epilogue.bias = bias?.value }
    y.setProduct(x, transposed: weight, epilogue: epilogue)
    return y
  }

  /// dx = dy·W, with an epilogue.
  package func inputGradient(_ dy: Tensor, _ epilogue: Epilogue = Epilogue()) -> Tensor {
    let dx = Tensor(uninitialized: Shape(dy.rows, inWidth), on: dy.device)
    dx.setProduct(dy, weight.value, epilogue: epilogue)
    return dx
  }

  /// dW += dyᵀ·x, db += column sums of dy.
  package func addGradients(_ dy: Tensor, x: Tensor, _ microbatch: Microbatch) {
    microbatch.weightGradients.add(weight, dy: dy, x: x)
    bias?.gradient.addColumnSums(of: dy)
  }
}
