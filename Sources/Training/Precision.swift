import Tensors

/// How weights and gradients are stored while a model is trained. Arithmetic, the optimizer's state and its
/// master copy of the weights are f32.
package enum Precision: String, Codable, CaseIterable, Sendable {
  case f32, bf16, f16

  fileprivate var storage: DType {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    }
  }

  /// Whether gradients can leave the type's range, so that the loss has to be scaled.
  package var needsLossScale: Bool { self == .f16 }
}

/// Weights in a low-precision type beside their f32 masters (Micikevicius et al. 2018).
package struct MixedPrecision {
  package let precision: Precision
  /// What the model computes with, rounded.
  private let values: Tensor
  /// What the optimizer updates; the same arena as `values` for f32.
  package let master: Tensor
  /// Where a rounded copy passes through.
  private let rounded: Tensor?

  package init(_ precision: Precision, values: Tensor) {
    self.precision = precision
    self.values = values
    guard precision != .f32 else {
      master = values
      rounded = nil
      return
    }
    master = Tensor(uninitialized: values.shape, on: values.device)
    master.copy(from: values)
    rounded = Tensor(uninitialized: values.shape, precision.storage, on: values.device)
  }

  /// The model's weights = the masters, rounded: after an update and after a restore.
  package func refreshValues() {
    guard let rounded else { return }
    rounded.convert(from: master)
    values.convert(from: rounded)
  }

  /// The gradients as the type can hold them: what is too small vanishes, what is too large is infinite.
  package func round(_ gradients: Tensor) {
    guard let rounded else { return }
    rounded.convert(from: gradients)
    gradients.convert(from: rounded)
  }
}
