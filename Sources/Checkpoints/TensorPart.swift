import Topology

/// Some elements of a tensor: a run of the row-major elements of a block of its matrix.
///
/// The matrix of a tensor has the first dimension as its rows and the product of the others as its columns; a
/// vector is a matrix of one column. What a rank holds of a parameter is a block, what it keeps of the optimizer's
/// state is a run of that block's elements.
package struct TensorPart: Sendable, Hashable {
  package let block: Block
  /// Counted from the block's first element.
  package let range: Range<Int>

  /// Elements `range` of `block`; nil: all of it.
  package init(_ block: Block, _ range: Range<Int>? = nil) {
    precondition(
      range.map { 0 <= $0.lowerBound && $0.upperBound <= block.count } ?? true,
      "elements \(range ?? 0..<0) of a block of \(block.count)")
    self.block = block
    self.range = range ?? 0..<block.count
  }

  /// The matrix of a tensor of shape `shape`; nil when that has no dimension or no memory could hold it.
  static func matrix(of shape: [Int]) -> Block? {
    guard let rows = shape.first, shape.allSatisfy({ $0 >= 0 }) else { return nil }
    var columns = 1
    for size in shape.dropFirst() {
      let (product, overflow) = columns.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      columns = product
    }
    return rows.multipliedReportingOverflow(by: columns).overflow ? nil : Block(rows: rows, columns: columns)
  }

  package var count: Int { range.count }

  /// The shape in which a file keeps the part of a tensor of shape `shape`: rows where the part is whole rows,
  /// else a vector.
  func storedShape(in shape: [Int]) -> [Int] {
    let width = block.columns.count
    guard width > 0, range.lowerBound % width == 0, range.upperBound % width == 0 else { return [count] }
    let rest = Array(shape.dropFirst())
    return [count / width] + (rest.reduce(1, *) == width ? rest : [width])
  }

  // MARK: Two parts of one tensor

  /// Whether this and `other` may have elements in common; when not, they have none.
  func overlaps(_ other: TensorPart) -> Bool {
    !range.isEmpty && !other.range.isEmpty && block.columns.overlaps(other.block.columns)
      && rows.overlaps(other.rows)
  }

  /// Calls `body` with each run of elements that this and `other` have in common: where it begins among the
  /// elements of this and of the other, and its length.
  func forEachRun(
    sharedWith other: TensorPart, _ body: (_ start: Int, _ otherStart: Int, _ count: Int) -> Void
  ) {
    guard overlaps(other) else { return }
    if block.columns == other.block.columns {
      // Rows of equal length follow each other in both: one run.
      let width = block.columns.count
      let offset = block.rows.lowerBound * width + range.lowerBound
      let otherOffset = other.block.rows.lowerBound * width + other.range.lowerBound
      let shared = (offset..<offset + count).clamped(to: otherOffset..<otherOffset + other.count)
      if !shared.isEmpty {
        body(shared.lowerBound - offset, shared.lowerBound - otherOffset, shared.count)
      }
      return
    }
    for row in rows.clamped(to: other.rows) {
      let shared = columns(inRow: row).clamped(to: other.columns(inRow: row))
      if !shared.isEmpty {
        body(
          index(row, shared.lowerBound), other.index(row, shared.lowerBound), shared.count)
      }
    }
  }

  /// Rows of the matrix of which this has elements; it has some.
  private var rows: Range<Int> {
    let width = block.columns.count
    return block.rows.lowerBound + range.lowerBound / width..<block.rows.lowerBound + (range.upperBound - 1)
      / width
      + 1
  }

  /// Columns of the matrix of which this has elements in row `row`.
  private func columns(inRow row: Int) -> Range<Int> {
    let start = (row - block.rows.lowerBound) * block.columns.count
    let held = range.clamped(to: start..<start + block.columns.count)
    return block.columns.lowerBound + held.lowerBound - start..<block.columns.lowerBound + held.upperBound
      - start
  }

  /// Where the element at `row`, `column` of the matrix is among the elements of this.
  private func index(_ row: Int, _ column: Int) -> Int {
    (row - block.rows.lowerBound) * block.columns.count + column - block.columns.lowerBound - range.lowerBound
  }
}
