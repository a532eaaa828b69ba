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

  /// Passes a tensor through the type; nil where nothing is lost.
  var rounding: ((Tensor) -> Void)? {
    guard self != .f32 else { return nil }
    return { x in
      let rounded = Tensor(uninitialized: x.shape, storage, on: x.device)
      rounded.convert(from: x)
      x.convert(from: rounded)
    }
  }

  /// Whether gradients can leave the type's range, so that the loss has to be scaled.
  package var needsLossScale: Bool { self == .f16 }
}

/// Weights in a low-precision type beside their f32 masters (Micikevicius et al. 2018), for the runs of the arena that
/// this rank updates.
package struct MixedPrecision {
  package let precision: Precision
  /// What the optimizer updates; the model's own values where those are f32.
  package let masters: [Tensor]
  /// What the model computes with, rounded.
  private let values: [Tensor]
  /// Where a rounded copy passes through.
  private let scratch: Tensor?

  package init(_ precision: Precision, values: [Tensor]) {
    self.precision = precision
    self.values = values
    guard precision != .f32, let first = values.first else {
      masters = values
      scratch = nil
      return
    }
    masters = values.map { values in
      let master = Tensor(uninitialized: values.shape, on: values.device)
      master.copy(from: values)
      return master
    }
    let largest = values.map(\.count).max() ?? 0
    scratch = Tensor(uninitialized: Shape(largest), precision.storage, on: first.device)
  }

  /// The model's weights = the masters, rounded: after an update and after a restore.
  package func refreshValues() {
    for index in masters.indices where scratch != nil { round(masters[index], into: values[index]) }
  }

  /// The gradients as the type can hold them: what is too small vanishes, what is too large is infinite.
  package func round(_ gradients: Tensor) { round(gradients, into: gradients) }

  private func round(_ x: Tensor, into y: Tensor) {
    guard let scratch else { return }
    let rounded = scratch.elements(0..<x.count, as: x.shape)
    rounded.convert(from: x)
    y.convert(from: rounded)
  }
}
