import Training

/// How a run's numbers are kept on a device: its elements in bytes, and the rate of its products.
package struct Arithmetic: Sendable, Equatable {
  /// Whether weights and activations take two bytes and the optimizer holds f32 masters of them; else all is as this
  /// engine keeps it, f32.
  package let isHalf: Bool
  /// FLOP/s of products, rated.
  package let peak: Double

  /// A device that has no rate for `precision` computes in f32, as a CPU does.
  package init(_ precision: Precision, on device: Cluster.Device) {
    let half: Double? =
      switch precision {
      case .f32: nil
      case .f16: device.peak.f16
      case .bf16: device.peak.bf16
      }
    isHalf = half != nil
    peak = (half ?? device.peak.f32) * 1e12
  }

  /// What an activation takes, of the four bytes that a trace counts.
  package var activationScale: Double { isHalf ? 0.5 : 1 }

  /// Of a parameter that a device holds: its value, and its gradient.
  var weightBytes: Double { isHalf ? 2 : 4 }
  func gradientBytes(_ config: RunConfig) -> Double { isHalf && config.mesh.reduction == .bf16 ? 2 : 4 }

  /// Of a parameter that a device updates: AdamW's two moments or SGD's velocity, and the master of a short value.
  func optimizerBytes(_ config: RunConfig) -> Double {
    (config.optimizer.kind == .adamw ? 8 : 4) + (isHalf ? 4 : 0)
  }
}
