import CKernels

extension Tensor {
  package func fill(_ value: Float) {
    precondition(isContiguous, "fill needs a contiguous tensor")
    device.run("fill", bytes: byteCount) { nk_fill($0, f32, Int64(count), value) }
  }

  /// self = x
  package func copy(from x: Tensor) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    device.run("copy", bytes: 2 * byteCount) { nk_copy($0, f32, x.f32, Int64(count)) }
  }

  /// self += scale · x
  package func add(_ x: Tensor, scale: Float = 1) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    device.run("add", bytes: 3 * byteCount) { nk_add_scaled($0, f32, x.f32, Int64(count), scale) }
  }

  /// self ·= factor
  package func scale(by factor: Float) {
    precondition(isContiguous, "scale needs a contiguous tensor")
    device.run("scale", bytes: 2 * byteCount) { nk_scale($0, f32, f32, Int64(count), factor) }
  }

  /// self += column sums of x: the gradient of a bias.  self: [width], x: [rows, width]
  package func addColumnSums(of x: Tensor) {
    precondition(count == x.columns, "\(x.shape) into \(shape)")
    device.run("column sums", bytes: x.byteCount + 2 * byteCount) {
      nk_add_column_sums($0, x.f32, Int64(x.rowStride), Int64(x.rows), Int64(x.columns), f32)
    }
  }

  /// Σ x², f32 within fixed blocks whose sums are added in double precision, to about 3e-7 of it: the same on any
  /// number of threads.
  package var sumOfSquares: Double {
    precondition(isContiguous, "a sum needs a contiguous tensor")
    var sum = 0.0
    device.run("sum of squares", bytes: byteCount) { sum = nk_sum_of_squares($0, f32, Int64(count)) }
    return sum
  }

  /// Σ x in double precision, first to last; for a few numbers, such as the losses of a microbatch.
  package var sum: Double {
    precondition(isContiguous, "a sum needs a contiguous tensor")
    return UnsafeBufferPointer(start: f32, count: count).reduce(0) { $0 + Double($1) }
  }

  /// Normal numbers of the given deviation; element (r, c) depends on (key, first + r·rowStride + c) alone.
  ///
  /// The block at (row, column) of a matrix of n columns draws what the whole matrix draws there with
  /// `first: row * n + column, rowStride: n`; the default is the stride of rows that follow each other.
  package func fillNormal(deviation: Float, key: UInt64, first: Int = 0, rowStride: Int? = nil) {
    precondition(isContiguous, "fill needs a contiguous tensor")
    device.run("random numbers", bytes: byteCount) {
      nk_random_normal(
        $0, f32, Int64(rows), Int64(columns), key, UInt64(first), UInt64(rowStride ?? columns), deviation)
    }
  }
}

/// An elementary function, with the error bounds that `CKernels/body/vector.h` states and tests hold.
package enum ElementaryFunction: CaseIterable, Sendable { case exp, tanh, erf }

extension Tensor {
  /// self = function(x), elementwise.
  package func set(_ function: ElementaryFunction, of x: Tensor) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    device.run("elementary function", bytes: byteCount + x.byteCount) { kernels in
      switch function {
      case .exp: nk_exp(kernels, f32, x.f32, Int64(count))
      case .tanh: nk_tanh(kernels, f32, x.f32, Int64(count))
      case .erf: nk_erf(kernels, f32, x.f32, Int64(count))
      }
    }
  }

  /// self = dy ∘ (1 − y²), the gradient of x where y = tanh(x).
  package func setTanhGradient(_ dy: Tensor, of y: Tensor) {
    precondition(count == y.count && count == dy.count, "\(dy.shape) and \(y.shape) into \(shape)")
    precondition(isContiguous && y.isContiguous && dy.isContiguous, "tanh needs contiguous tensors")
    device.run("tanh backward", bytes: byteCount + dy.byteCount + y.byteCount) {
      nk_tanh_backward($0, f32, dy.f32, y.f32, Int64(count))
    }
  }
}
