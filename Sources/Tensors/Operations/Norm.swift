import CKernels

/// How rows are normalised.
package enum NormKind: String, Codable, CaseIterable, Sendable {
  /// y = (x − mean)/√(variance + ε) ∘ gain + bias (Ba et al. 2016).
  case layerNorm = "layer_norm"
  /// LayerNorm whose stored gain is gain − 1, so that weight decay pulls towards 1 (Nemotron-4).
  case layerNorm1P = "layer_norm_1p"
  /// y = x/√(mean(x²) + ε) ∘ gain (Zhang & Sennrich 2019).
  case rmsNorm = "rms_norm"

  package var hasBias: Bool { self != .rmsNorm }

  fileprivate var kernel: nk_norm {
    switch self {
    case .layerNorm: NK_LAYER_NORM
    case .layerNorm1P: NK_LAYER_NORM_1P
    case .rmsNorm: NK_RMS_NORM
    }
  }
}

extension Tensor {
  /// self = norm(x); `statistics` [rows, 2] receives mean and 1/deviation for the way back.
  package func setNorm(
    _ kind: NormKind, of x: Tensor, gain: Tensor, bias: Tensor?, epsilon: Float, statistics: Tensor
  ) {
    precondition(rows == x.rows && columns == x.columns, "\(x.shape) into \(shape)")
    precondition(gain.count == columns && statistics.count == 2 * rows, "gain \(gain.shape) for \(shape)")
    device.run("norm", bytes: byteCount + x.byteCount + statistics.byteCount) {
      nk_norm_forward(
        $0, kind.kernel, x.f32, Int64(x.rowStride), gain.f32, bias?.f32, epsilon, f32, Int64(rowStride),
        statistics.f32, Int64(rows), Int64(columns))
    }
  }

  /// self = residual + gradient of x; gradients of gain and bias are accumulated.
  package func setNormGradient(
    _ kind: NormKind, _ dy: Tensor, at x: Tensor, gain: Tensor, statistics: Tensor, residual: Tensor?,
    gainGradient: Tensor, biasGradient: Tensor?
  ) {
    precondition(rows == dy.rows && columns == dy.columns && rows == x.rows, "\(dy.shape) into \(shape)")
    let bytes = byteCount + dy.byteCount + x.byteCount + statistics.byteCount + (residual?.byteCount ?? 0)
    device.run("norm backward", bytes: bytes) {
      nk_norm_backward(
        $0, kind.kernel, dy.f32, Int64(dy.rowStride), x.f32, Int64(x.rowStride), gain.f32, statistics.f32,
        residual?.f32, Int64(residual?.rowStride ?? 0), f32, Int64(rowStride), gainGradient.f32,
        biasGradient?.f32, Int64(rows), Int64(columns))
    }
  }
}
