/// A rectangle of a matrix: the part of a parameter that a rank holds.
///
/// A vector is a matrix of one column.
package struct Block: Sendable, Hashable {
  package let rows: Range<Int>
  package let columns: Range<Int>

  package init(rows: Range<Int>, columns: Range<Int>) {
    self.rows = rows
    self.columns = columns
  }

  /// All of a matrix.
  package init(rows: Int, columns: Int) { self.init(rows: 0..<rows, columns: 0..<columns) }

  package var count: Int { rows.count * columns.count }
}
