import Tensors

/// The Euclidean norm of all gradients together, and what it says of the step.
package struct GradientNorm: Sendable, Equatable {
  /// ‖g‖₂ after multiplying every gradient by the scale given.
  package let value: Double

  /// The norm of `scale` · `gradients`, the same to the last bit on any number of threads.
  package init(of gradients: Tensor, scale: Double = 1) {
    value = gradients.sumOfSquares.squareRoot() * abs(scale)
  }

  package init(_ value: Double) { self.value = value }

  /// False when a gradient is NaN, infinite, or too large to square (above 1.8 × 10¹⁹): skip or stop.
  package var isFinite: Bool { value.isFinite }

  /// What to multiply gradients by so that their norm is at most `maximum`; 1 when `maximum` is 0.
  ///
  ///     min(1, maximum / (norm + 10⁻⁶)), as `torch.nn.utils.clip_grad_norm_`
  package func clipCoefficient(maximum: Double) -> Double {
    maximum > 0 ? min(1, maximum / (value + 1e-6)) : 1
  }

  /// The names of the parameters whose gradients are not all finite, in the order given: the evidence that a
  /// stopped run leaves.
  package static func nonFinite(in gradients: Tensor, of parameters: [ParameterRange]) -> [String] {
    parameters.compactMap { parameter in
      let part = gradients.elements(parameter.range, as: Shape(parameter.range.count))
      return part.sumOfSquares.isFinite ? nil : parameter.name
    }
  }
}
