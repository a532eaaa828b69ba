import CKernels

extension Tensor {
  package func fill(_ value: Float) {
    precondition(isContiguous, "fill needs a contiguous tensor")
    nk_fill(device.kernels, f32, Int64(count), value)
  }

  /// self = x
  package func copy(from x: Tensor) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    nk_copy(device.kernels, f32, x.f32, Int64(count))
  }

  /// self += scale · x
  package func add(_ x: Tensor, scale: Float = 1) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    nk_add_scaled(device.kernels, f32, x.f32, Int64(count), scale)
  }

  /// self ·= factor
  package func scale(by factor: Float) {
    precondition(isContiguous, "scale needs a contiguous tensor")
    nk_scale(device.kernels, f32, f32, Int64(count), factor)
  }

  /// self += column sums of x: the gradient of a bias.  self: [width], x: [rows, width]
  package func addColumnSums(of x: Tensor) {
    precondition(count == x.columns, "\(x.shape) into \(shape)")
    nk_add_column_sums(device.kernels, x.f32, Int64(x.rowStride), Int64(x.rows), Int64(x.columns), f32)
  }

  /// Σ x², f32 within fixed blocks whose sums are added in double precision, to about 3e-7 of it: the same on any
  /// number of threads.
  package var sumOfSquares: Double {
    precondition(isContiguous, "a sum needs a contiguous tensor")
    return nk_sum_of_squares(device.kernels, f32, Int64(count))
  }

  /// Σ x in double precision, first to last; for a few numbers, such as the losses of a microbatch.
  package var sum: Double {
    precondition(isContiguous, "a sum needs a contiguous tensor")
    return UnsafeBufferPointer(start: f32, count: count).reduce(0) { $0 + Double($1) }
  }

  /// Normal numbers of the given deviation; element i depends on (key, first + i) alone.
  package func fillNormal(deviation: Float, key: UInt64, first: Int = 0) {
    precondition(isContiguous, "fill needs a contiguous tensor")
    nk_random_normal(device.kernels, f32, Int64(count), key, UInt64(first), deviation)
  }
}

/// An elementary function, with the error bounds that `CKernels/body/vector.h` states and tests hold.
package enum ElementaryFunction: CaseIterable, Sendable { case exp, tanh, erf }

extension Tensor {
  /// self = function(x), elementwise.
  package func set(_ function: ElementaryFunction, of x: Tensor) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    switch function {
    case .exp: nk_exp(device.kernels, f32, x.f32, Int64(count))
    case .tanh: nk_tanh(device.kernels, f32, x.f32, Int64(count))
    case .erf: nk_erf(device.kernels, f32, x.f32, Int64(count))
    }
  }
}
