import Tensors
import Topology

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

  /// Declares a parameter all of which this rank holds. `parts`: names and row counts; one part for an ordinary
  /// weight.
  package func add(
    _ parts: [(name: String, rows: Int)], columns: Int?, decays: Bool, _ initializer: Initializer
  ) -> Parameter {
    add(
      parts.map { PartShare($0.name, rows: $0.rows) }, columns: columns, decays: decays, initializer)
  }

  /// Declares a parameter of which this rank holds the rows that `parts` name and the columns `holding`, all
  /// where it is nil. `columns`: of the whole; nil for a vector. `isFactor`: see `Parameter`.
  package func add(
    _ parts: [PartShare], columns: Int?, holding: Range<Int>? = nil, decays: Bool, isFactor: Bool = true,
    _ initializer: Initializer
  ) -> Parameter {
    precondition(arenas == nil, "parameters are declared before memory is taken")
    let held = holding ?? 0..<(columns ?? 1)
    var first = 0
    let named = parts.map { part in
      defer { first += part.held.count }
      return Parameter.Part(
        name: part.name, rows: first..<first + part.held.count,
        whole: columns.map { Shape(part.rows, $0) } ?? Shape(part.rows),
        block: Block(rows: part.held, columns: held), isPartial: part.isPartial, isKept: part.isKept)
    }
    let parameter = Parameter(
      shape: columns == nil ? Shape(first) : Shape(first, held.count), parts: named, decays: decays,
      initializer: initializer, isFactor: isFactor && columns != nil, store: self)
    parameters.append(parameter)
    return parameter
  }

  /// Takes memory for all that was declared; gradients only where the model will be trained.
  ///
  /// - Parameters:
  ///   - multiple: what the elements of an arena are a multiple of, so that ranks can divide it.
  ///   - format: of matrices that products read, in a model that only computes; they stand in no arena then.
  package func allocate(
    on device: Device, gradients: Bool, multiple: Int = 16, packing format: WeightFormat? = nil
  ) {
    precondition(format == nil || !gradients, "packed weights are not trained")
    if let format {
      for parameter in parameters where parameter.isFactor {
        parameter.packed = PackedMatrix(
          rows: parameter.shape.rows, columns: parameter.shape.columns, format, on: device)
      }
    }
    var next = 0
    for decays in [true, false] {
      for parameter in parameters where parameter.decays == decays && parameter.packed == nil {
        parameter.range = next..<next + parameter.shape.count
        next = (next + parameter.shape.count + 15) & ~15
      }
      if decays { decayedCount = next }
    }
    count = (next + multiple - 1) / multiple * multiple
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

  /// Bytes that a step over few tokens reads: every matrix that products read. Of a table that is no output as well
  /// only some rows are, which count nothing; nor do vectors.
  package func bytesRead(besides table: Parameter?) -> Int {
    parameters.filter { $0.isFactor && $0 !== table }
      .reduce(0) { $0 + ($1.packed?.byteCount ?? $1.shape.count * DType.f32.size) }
  }

  /// Number of parameters that this rank holds.
  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.count } }

  /// Sets every part from `seed` and its own name, so that a parameter's start depends neither on what else the
  /// model holds nor on what other ranks do.
  package func initialize(seed: UInt64) {
    let key = RandomKey(seed: seed)
    for parameter in parameters {
      for part in parameter.parts {
        let rows = Shape(part.rows.count, parameter.shape.columns)
        let tensor =
          parameter.packed == nil
          ? parameter.tensor(of: part, in: values) : Tensor(uninitialized: rows, on: values.device)
        switch parameter.initializer {
        case .constant(let value): tensor.fill(value)
        case .normal(let deviation):
          let row = part.whole.rank == 1 ? 1 : part.whole.columns
          tensor.fillNormal(
            deviation: deviation, key: key.at(part.name).value,
            first: part.block.rows.lowerBound * row + part.block.columns.lowerBound, rowStride: row)
        }
        parameter.packed?.setRows(from: part.rows.lowerBound, to: tensor)
      }
    }
  }

  /// Sets every parameter to the value that it has in `other`, which declares the same ones and has plain values.
  package func setValues(from other: ParameterStore) {
    precondition(parameters.count == other.parameters.count, "stores of different models")
    for (own, theirs) in zip(parameters, other.parameters) {
      if let packed = own.packed {
        packed.setRows(from: 0, to: theirs.value)
      } else {
        own.value.copy(from: theirs.value)
      }
    }
  }

  /// The named parts of `arena`, which is laid out like the values.
  package func named(in arena: Tensor) -> [NamedTensor] { parameters.flatMap { $0.named(in: arena) } }

  /// Every part, and where its elements stand in the arenas.
  package var parts: [(part: Parameter.Part, range: Range<Int>)] {
    parameters.flatMap { parameter in parameter.parts.map { ($0, parameter.range(of: $0)) } }
  }
}
