import Tensors

/// A run of parameters, their gradients, and whether weight decay applies to them.
package struct OptimizerPiece {
  package let values: Tensor
  package let gradients: Tensor
  package let decays: Bool

  package init(values: Tensor, gradients: Tensor, decays: Bool) {
    precondition(gradients.count == values.count, "\(gradients.count) gradients for \(values.count) values")
    self.values = values
    self.gradients = gradients
    self.decays = decays
  }

  /// Elements `range` of two arenas whose first `decayedCount` elements get weight decay: one piece or two.
  ///
  /// - Parameter values: the arena, or, beginning at element `first` of it, a run that covers `range`.
  package static func pieces(
    _ range: Range<Int>, values: Tensor, from first: Int = 0, gradients: Tensor, decayedCount: Int
  ) -> [OptimizerPiece] {
    [(range.clamped(to: 0..<decayedCount), true), (range.clamped(to: decayedCount..<Int.max), false)]
      .compactMap { part, decays in
        guard !part.isEmpty else { return nil }
        let shape = Shape(part.count)
        return OptimizerPiece(
          values: values.elements(part.lowerBound - first..<part.upperBound - first, as: shape),
          gradients: gradients.elements(part, as: shape), decays: decays)
      }
  }
}

extension [OptimizerPiece] {
  /// Zeros, as many as the pieces have elements, and the run of them that belongs to each piece.
  func zeros() -> (arena: Tensor, parts: [Tensor]) {
    guard let device = first?.values.device else { preconditionFailure("an optimizer of nothing") }
    let arena = Tensor(zeros: Shape(reduce(0) { $0 + $1.values.count }), on: device)
    var next = 0
    let parts = map { piece in
      defer { next += piece.values.count }
      return arena.elements(next..<next + piece.values.count, as: piece.values.shape)
    }
    return (arena, parts)
  }
}
