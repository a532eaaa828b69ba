import CKernels

extension Tensor {
  /// losses[row] = log Σ exp(logits[row]) − logits[row, target[row]], 0 where the target is negative.
  ///
  /// With `gradientWeight` the logits (self, [rows, vocabulary]) become gradientWeight · ∂loss/∂logits.
  package func crossEntropy(targets: Tensor, losses: Tensor, gradientWeight: Float? = nil) {
    precondition(targets.count == rows && losses.count == rows, "\(targets.shape) targets for \(shape)")
    device.run("cross-entropy", bytes: (gradientWeight == nil ? 1 : 2) * byteCount) {
      nk_cross_entropy(
        $0, f32, Int64(rowStride), targets.i32, losses.f32, Int64(rows), Int64(columns),
        gradientWeight != nil, gradientWeight ?? 0)
    }
  }
}
