import CKernels

extension Tensor {
  /// self = residual + mask ∘ x/(1 − p): each element is zero with probability p.
  ///
  /// The mask is a function of (key, element) alone, so the way back, a replay or another mesh draws the
  /// same one: apply it to dy for the gradient. p in 0 ..< 1.
  ///
  /// - Parameter first: the index of this tensor's first element in the whole, where it is a run of its elements.
  package func setDropout(
    of x: Tensor, probability p: Float, key: UInt64, residual: Tensor? = nil, first: Int = 0
  ) {
    precondition((0..<1).contains(p), "a dropout probability lies in 0 ..< 1, got \(p)")
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    device.run("dropout", bytes: byteCount + x.byteCount + (residual?.byteCount ?? 0)) {
      nk_dropout($0, f32, x.f32, residual?.f32, Int64(count), p, key, UInt64(first))
    }
  }
}
