import Tensors
import Topology

/// What a parameter starts as.
package enum Initializer: Sendable, Equatable {
  case constant(Float)
  /// Normal numbers with this standard deviation.
  case normal(deviation: Float)
}

/// A named part of a parameter, and the rows of it that this rank holds.
package struct PartShare {
  package let name: String
  /// Of the whole part.
  package let rows: Int
  package let held: Range<Int>
  /// Whether the ranks of the tensor axis that hold the same elements have parts of the gradient, which must be
  /// added; elsewhere they have all of it.
  package let isPartial: Bool
  /// Whether this rank stands for the part where several hold it: it counts it in norms and writes it to
  /// checkpoints.
  package let isKept: Bool

  /// All rows, or `held`.
  package init(
    _ name: String, rows: Int, held: Range<Int>? = nil, isPartial: Bool = false, isKept: Bool = true
  ) {
    self.name = name
    self.rows = rows
    self.held = held ?? 0..<rows
    self.isPartial = isPartial
    self.isKept = isKept
  }

  /// The same under a longer name.
  func named(_ suffix: String, isKept: Bool? = nil) -> PartShare {
    PartShare(name + suffix, rows: rows, held: held, isPartial: isPartial, isKept: isKept ?? self.isKept)
  }
}

/// A piece of a model that training changes, and its gradient.
///
/// Weights that are used together may be one parameter with several named parts (q, k and v of an
/// attention): they are computed as one matrix and kept in checkpoints as several.
package final class Parameter {
  /// Rows of the parameter under the name that checkpoints use.
  package struct Part {
    package let name: String
    /// Where it stands in the parameter.
    package let rows: Range<Int>
    /// The shape of the whole part, on all ranks together.
    package let whole: Shape
    /// What this rank holds of it.
    package let block: Block
    package let isPartial: Bool
    package let isKept: Bool
  }

  package let shape: Shape
  package let parts: [Part]
  /// Whether weight decay applies: to matrices, not to biases and norms.
  package let decays: Bool
  package let initializer: Initializer
  /// Whether it is a matrix that products read, and not only a table that rows are taken from.
  package let isFactor: Bool
  /// The values of a factor in a model that only computes, where they are kept in another format.
  package internal(set) var packed: PackedMatrix?
  private unowned let store: ParameterStore
  /// Where its elements stand in the store's arenas.
  package internal(set) var range: Range<Int> = 0..<0

  init(
    shape: Shape, parts: [Part], decays: Bool, initializer: Initializer, isFactor: Bool, store: ParameterStore
  ) {
    self.shape = shape
    self.parts = parts
    self.decays = decays
    self.initializer = initializer
    self.isFactor = isFactor
    self.store = store
  }

  package var value: Tensor {
    precondition(packed == nil, "a packed parameter has no plain values")
    return store.values.elements(range, as: shape)
  }

  /// Gradients are accumulated here until the optimizer takes them.
  package var gradient: Tensor { store.gradients.elements(range, as: shape) }

  /// Where a part's elements stand in the store's arenas.
  package func range(of part: Part) -> Range<Int> {
    let row = shape.rank == 1 ? 1 : shape.columns
    let first = range.lowerBound + part.rows.lowerBound * row
    return first..<first + part.rows.count * row
  }

  /// A part as this rank holds it, in `arena` (values, gradients or an optimizer's state).
  package func tensor(of part: Part, in arena: Tensor) -> Tensor {
    arena.elements(
      range(of: part), as: shape.rank == 1 ? Shape(part.rows.count) : Shape(part.rows.count, shape.columns))
  }

  /// The parts of `arena` by name.
  func named(in arena: Tensor) -> [NamedTensor] {
    parts.map { NamedTensor($0.name, tensor(of: $0, in: arena)) }
  }
}

extension Tensor {
  /// self = x·Wᵀ, then the epilogue.
  func setProduct(_ x: Tensor, transposed weight: Parameter, epilogue: Epilogue) {
    if let packed = weight.packed {
      setProduct(x, packed, epilogue: epilogue)
    } else {
      setProduct(x, weight.value, .second, epilogue: epilogue)
    }
  }
}
