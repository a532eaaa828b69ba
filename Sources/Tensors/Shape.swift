/// The sizes of a tensor's dimensions, outermost first; at most four, stored in place.
package struct Shape: Equatable, Sendable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// Number of dimensions.
  package let rank: Int
  private let sizes: (Int, Int, Int, Int)

  package init(_ sizes: [Int]) {
    precondition((1...4).contains(sizes.count), "a shape has 1 to 4 dimensions, got \(sizes.count)")
    precondition(sizes.allSatisfy { $0 >= 0 }, "a dimension cannot be negative, got \(sizes)")
    rank = sizes.count
    self.sizes = (
      sizes[0], sizes.count > 1 ? sizes[1] : 1, sizes.count > 2 ? sizes[2] : 1,
      sizes.count > 3 ? sizes[3] : 1
    )
  }

  package init(arrayLiteral sizes: Int...) { self.init(sizes) }

  /// A vector.
  package init(_ count: Int) {
    rank = 1
    sizes = (count, 1, 1, 1)
  }

  /// A matrix.
  package init(_ rows: Int, _ columns: Int) {
    rank = 2
    sizes = (rows, columns, 1, 1)
  }

  package subscript(dimension: Int) -> Int {
    switch dimension {
    case 0: sizes.0
    case 1: sizes.1
    case 2: sizes.2
    default: sizes.3
    }
  }

  /// Number of elements.
  package var count: Int { sizes.0 * sizes.1 * sizes.2 * sizes.3 }
  /// The last dimension.
  package var columns: Int { self[rank - 1] }
  /// The product of all dimensions but the last.
  package var rows: Int { columns == 0 ? 0 : count / columns }

  package var dimensions: [Int] { (0..<rank).map { self[$0] } }
  package var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }

  package static func == (a: Shape, b: Shape) -> Bool { a.rank == b.rank && a.sizes == b.sizes }
}
