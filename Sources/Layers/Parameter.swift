import Tensors

/// What a parameter starts as.
package enum Initializer: Sendable, Equatable {
  case constant(Float)
  /// Normal numbers with this standard deviation.
  case normal(deviation: Float)
}

/// A piece of a model that training changes, and its gradient.
///
/// Weights that are used together may be one parameter with several named parts (q, k and v of an
/// attention): they are computed as one matrix and kept in checkpoints as several.
package final class Parameter {
  /// Rows of the parameter under the name that checkpoints use.
  package struct Part {
    package let name: String
    package let rows: Range<Int>
  }

  package let shape: Shape
  package let parts: [Part]
  /// Whether weight decay applies: to matrices, not to biases and norms.
  package let decays: Bool
  package let initializer: Initializer
  private unowned let store: ParameterStore
  /// Where its elements stand in the store's arenas.
  package fileprivate(set) var range: Range<Int> = 0..<0

  fileprivate init(
    shape: Shape, parts: [Part], decays: Bool, initializer: Initializer, store: ParameterStore
  ) {
    self.shape = shape
    self.parts = parts
    self.decays = decays
    self.initializer = initializer
    self.store = store
  }

  package var value: Tensor { store.values.elements(range, as: shape) }

  /// Gradients are accumulated here until the optimizer takes them.
  package var gradient: Tensor { store.gradients.elements(range, as: shape) }

  /// Elements of one row of a part.
  private var rowCount: Int { shape.rank == 1 ? 1 : shape.columns }

  /// The parts of `arena` (values, gradients or an optimizer's state) by name.
  func named(in arena: Tensor) -> [NamedTensor] {
    parts.map { part in
      let first = range.lowerBound + part.rows.lowerBound * rowCount
      let shape = self.shape.rank == 1 ? Shape(part.rows.count) : Shape(part.rows.count, rowCount)
      return NamedTensor(part.name, arena.elements(first..<first + shape.count, as: shape))
    }
  }
}

/// All parameters of a model, listed once: the list gives the checkpoint's names, the decay groups, the sizes
/// and the memory, one arena for values and one for gradients, those that decay first.
package final class ParameterStore {
  package private(set) var parameters: [Parameter] = []
  private var arenas: (values: Tensor, gradients: Tensor?)?
  /// Elements with weight decay: `0 ..< decayedCount` of the arenas.
  package private(set) var decayedCount = 0
  /// Elements of an arena, gaps for alignment included.
  package private(set) var count = 0

  package init() {}

  /// Declares a parameter. `parts`: names and row counts; one part for an ordinary weight.
  package func add(
    _ parts: [(name: String, rows: Int)], columns: Int?, decays: Bool, _ initializer: Initializer
  ) -> Parameter {
    precondition(arenas == nil, "parameters are declared before memory is taken")
    var first = 0
    let named = parts.map { part in
      defer { first += part.rows }
      return Parameter.Part(name: part.name, rows: first..<first + part.rows)
    }
    let parameter = Parameter(
      shape: columns.map { Shape(first, $0) } ?? Shape(first), parts: named, decays: decays,
      initializer: initializer, store: self)
    parameters.append(parameter)
    return parameter
  }

  /// Takes memory for all that was declared; gradients only where the model will be trained.
  package func allocate(on device: Device, gradients: Bool) {
    var next = 0
    for decays in [true, false] {
      for parameter in parameters where parameter.decays == decays {
        parameter.range = next..<next + parameter.shape.count
        next = (next + parameter.shape.count + 15) & ~15
      }
      if decays { decayedCount = next }
    }
    count = next
    arenas = (
      Tensor(zeros: Shape(count), on: device), gradients ? Tensor(zeros: Shape(count), on: device) : nil
    )
  }

  package var values: Tensor {
    guard let arenas else { preconditionFailure("parameters are used before allocate(on:gradients:)") }
    return arenas.values
  }

  package var gradients: Tensor {
    guard let gradients = arenas?.gradients else {
      preconditionFailure("gradients are used in a model allocated without them")
    }
    return gradients
  }

  /// Number of parameters of the model.
  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.count } }

  /// Sets every part from `seed` and its own name, so that a parameter's start does not depend on what else
  /// the model holds.
  package func initialize(seed: UInt64) {
    let key = RandomKey(seed: seed)
    for parameter in parameters {
      for part in parameter.named(in: values) {
        switch parameter.initializer {
        case .constant(let value): part.tensor.fill(value)
        case .normal(let deviation):
          part.tensor.fillNormal(deviation: deviation, key: key.at(part.name).value)
        }
      }
    }
  }

  /// The named parts of `arena`, which is laid out like the values.
  package func named(in arena: Tensor) -> [NamedTensor] { parameters.flatMap { $0.named(in: arena) } }

  /// Names and element ranges, for messages about where something happened.
  package var ranges: [(name: String, range: Range<Int>)] {
    parameters.flatMap { parameter in
      parameter.parts.map { part in
        let row = parameter.shape.rank == 1 ? 1 : parameter.shape.columns
        let first = parameter.range.lowerBound + part.rows.lowerBound * row
        return (part.name, first..<first + part.rows.count * row)
      }
    }
  }
}
