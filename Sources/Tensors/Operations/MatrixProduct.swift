import CKernels

/// Which of the two operands of a product is stored transposed.
package enum Transposition: Hashable, Sendable {
  /// c = a·b: the gradient of a linear layer's input.
  case none
  /// c = a·bᵀ: a linear layer, whose weight is [out, in].
  case second
  /// c = aᵀ·b: the gradient of a linear layer's weight.
  case first
}

/// What is done to a product while its tile is in the cache, in this order.
package struct Epilogue {
  /// Added to every row. [n]
  package var bias: Tensor?
  /// Added. [m, n]
  package var residual: Tensor?
  /// c ∘= activation′(preactivation): the step back through an activation. [m, n]
  package var derivative: (activation: Activation, preactivation: Tensor)?
  /// Also written: activation(c). [m, n]
  package var activated: (activation: Activation, output: Tensor)?

  package init(
    bias: Tensor? = nil, residual: Tensor? = nil,
    derivative: (activation: Activation, preactivation: Tensor)? = nil,
    activated: (activation: Activation, output: Tensor)? = nil
  ) {
    self.bias = bias
    self.residual = residual
    self.derivative = derivative
    self.activated = activated
  }

  /// Of all operands.
  fileprivate var byteCount: Int {
    (bias?.byteCount ?? 0) + (residual?.byteCount ?? 0) + (derivative?.preactivation.byteCount ?? 0)
      + (activated?.output.byteCount ?? 0)
  }
}

extension Tensor {
  /// self = (accumulate ? self : 0) + op(a)·op(b), then the epilogue.
  ///
  /// op(a): [m, k], op(b): [k, n], self: [m, n]. The sum over k has one order whatever m, n and the number
  /// of threads are, so a row's result does not depend on the batch it is computed in.
  package func setProduct(
    _ a: Tensor, _ b: Tensor, _ transposition: Transposition = .none, accumulate: Bool = false,
    epilogue: Epilogue = Epilogue()
  ) {
    let (m, k) = transposition == .first ? (a.columns, a.rows) : (a.rows, a.columns)
    let (k2, n) = transposition == .second ? (b.columns, b.rows) : (b.rows, b.columns)
    precondition(k == k2, "product of \(a.shape) and \(b.shape) (\(transposition)): \(k) is not \(k2)")
    precondition(
      rows == m && columns == n, "product of \(a.shape) and \(b.shape) is [\(m), \(n)], not \(shape)")
    var arguments = arguments(a, n: n, k: k, epilogue)
    arguments.transpose_a = transposition == .first
    arguments.b = UnsafePointer(b.f32)
    arguments.ldb = Int64(b.rowStride)
    arguments.transpose_b = transposition == .second
    arguments.accumulate = accumulate
    device.run(
      "product", Profile.Product(m: m, n: n, k: k, transposition: transposition), flops: 2 * m * n * k,
      bytes: a.byteCount + b.byteCount + (accumulate ? 2 : 1) * byteCount + epilogue.byteCount
    ) { nk_gemm($0, &arguments) }
  }
  /// self = a·bᵀ, then the epilogue, with b packed for inference; in f32 the bits of the product above.
  ///
  /// a: [m, k], b: [n, k], self: [m, n].
  package func setProduct(_ a: Tensor, _ b: PackedMatrix, epilogue: Epilogue = Epilogue()) {
    let m = a.rows, n = b.rows, k = b.columns
    precondition(a.columns == k, "product of \(a.shape) and a packed [\(n), \(k)]: \(a.columns) is not \(k)")
    precondition(
      rows == m && columns == n,
      "product of \(a.shape) and a packed [\(n), \(k)] is [\(m), \(n)], not \(shape)")
    var arguments = arguments(a, n: n, k: k, epilogue)
    device.run(
      "product", Profile.Product(m: m, n: n, k: k, transposition: .second), flops: 2 * m * n * k,
      bytes: a.byteCount + b.byteCount + byteCount + epilogue.byteCount
    ) { kernels in b.withKernelArguments { nk_packed_product(kernels, $0, &arguments) } }
  }

  /// What a product into self needs beside its second operand.
  private func arguments(_ a: Tensor, n: Int, k: Int, _ epilogue: Epilogue) -> nk_gemm_args {
    var arguments = nk_gemm_args()
    arguments.m = Int64(rows)
    arguments.n = Int64(n)
    arguments.k = Int64(k)
    arguments.a = UnsafePointer(a.f32)
    arguments.lda = Int64(a.rowStride)
    arguments.c = f32
    arguments.ldc = Int64(rowStride)
    if let bias = epilogue.bias {
      precondition(bias.count == n, "a bias of \(bias.shape) for \(n) columns")
      arguments.bias = UnsafePointer(bias.f32)
    }
    if let residual = epilogue.residual {
      precondition(
        residual.rows == rows && residual.columns == n, "a residual of \(residual.shape) for \(shape)")
      arguments.residual = UnsafePointer(residual.f32)
      arguments.ldr = Int64(residual.rowStride)
    }
    if let (activation, preactivation) = epilogue.derivative {
      precondition(
        preactivation.rows == rows && preactivation.columns == n, "\(preactivation.shape) for \(shape)")
      arguments.activation = activation.kernel
      arguments.derivative_at = UnsafePointer(preactivation.f32)
      arguments.ld_derivative = Int64(preactivation.rowStride)
    }
    if let (activation, output) = epilogue.activated {
      precondition(epilogue.derivative == nil, "one epilogue either applies an activation or its derivative")
      precondition(output.rows == rows && output.columns == n, "\(output.shape) for \(shape)")
      arguments.activation = activation.kernel
      arguments.activated = output.f32
      arguments.ld_activated = Int64(output.rowStride)
    }
    return arguments
  }
}
