import Topology

/// How a program keeps a model in files: which tensors there are, and which rows of the model's parameters each is
/// made of. Reading, writing and every message about what is missing follow from this list.
package struct TensorLayout: Sendable {
  package let tensors: [LaidOutTensor]
  /// Ends of the names of tensors that files of this program may also hold and that say nothing.
  package let ignoredSuffixes: [String]
  /// Tensors that a file may also hold.
  package var ignoredNames: Set<String> = []

  package init(_ tensors: [LaidOutTensor], ignoring ignoredSuffixes: [String] = []) {
    self.tensors = tensors
    self.ignoredSuffixes = ignoredSuffixes
  }

  /// Each tensor of `source` as a parameter of the same name, but those whose names begin with `prefix`.
  package init(namesOf source: some TensorSource, ignoringPrefix prefix: String? = nil) {
    let tensors = source.tensors.sorted { $0.key < $1.key }
    let ignored = Set(tensors.map(\.key).filter { name in prefix.map { name.hasPrefix($0) } ?? false })
    let known = tensors.filter { !ignored.contains($0.key) && (1...2).contains($0.value.shape.count) }
    self.init(
      known.map { name, form in
        LaidOutTensor(name, [.init(name, rows: form.shape[0])], columns: form.shape.dropFirst().first)
      })
    ignoredNames = ignored
  }

  /// Whether a file may hold a tensor of this name beside those that matter.
  func ignores(_ name: String) -> Bool {
    ignoredNames.contains(name) || ignoredSuffixes.contains { name.hasSuffix($0) }
  }
}

/// A tensor of a file as rows of parameters, one below the other.
package struct LaidOutTensor: Sendable, Equatable {
  package struct Piece: Sendable, Equatable {
    package let parameter: String
    /// Of the parameter.
    package let rows: Range<Int>

    package init(_ parameter: String, _ rows: Range<Int>) {
      self.parameter = parameter
      self.rows = rows
    }

    /// All of a parameter of so many rows.
    package init(_ parameter: String, rows: Int) { self.init(parameter, 0..<rows) }
  }

  package let name: String
  /// Names that other versions of the program give it.
  package let otherNames: [String]
  package let pieces: [Piece]
  /// Of the parameters; nil for vectors.
  package let columns: Int?
  /// Whether the file has the rows of the parameters as columns.
  package let isTransposed: Bool

  package init(
    _ name: String, _ pieces: [Piece], columns: Int?, isTransposed: Bool = false, otherNames: [String] = []
  ) {
    precondition(columns != nil || !isTransposed, "the vector \(name) cannot be transposed")
    self.name = name
    self.pieces = pieces
    self.columns = columns
    self.isTransposed = isTransposed
    self.otherNames = otherNames
  }

  /// The same under other names.
  package func named(_ name: String, or otherNames: [String] = []) -> LaidOutTensor {
    LaidOutTensor(name, pieces, columns: columns, isTransposed: isTransposed, otherNames: otherNames)
  }

  /// Of the parameters together.
  package var rows: Int { pieces.reduce(0) { $0 + $1.rows.count } }
  /// In the file.
  package var shape: [Int] { columns.map { isTransposed ? [$0, rows] : [rows, $0] } ?? [rows] }
}
