import CKernels

extension Tensor {
  /// The first column of each row's largest element, counted from `firstColumn`, and the element; −1 and −∞ where
  /// there is none. A NaN is none.
  ///
  /// Where ranks divide the columns, the first rank with the largest value has the first column of the whole row.
  ///
  /// - Parameters:
  ///   - columns: [rows], i32
  ///   - values: [rows]
  ///   - firstColumn: where self begins in the whole rows; it may have no columns.
  package func indexOfLargest(into columns: Tensor, values: Tensor, firstColumn: Int = 0) {
    let width = self.columns
    // A matrix without columns has no rows either, by its shape; the results know how many there are.
    precondition(
      (rows == columns.count || width == 0) && values.count == columns.count,
      "largest of \(shape) into \(columns.shape) and \(values.shape)")
    precondition(columns.isContiguous && values.isContiguous, "results are contiguous")
    device.run("largest", bytes: byteCount) {
      nk_largest(
        $0, f32, Int64(rowStride), Int64(firstColumn), values.f32, columns.i32, Int64(columns.count),
        Int64(width))
    }
  }

  /// Where the largest element stands, of equals the first, and the element; nil where there is none. A NaN is none.
  package var largest: (index: Int, value: Float)? {
    precondition(isContiguous, "the largest element of a contiguous tensor, got a stride of \(rowStride)")
    var value = -Float.infinity
    var column: Int32 = -1
    device.run("largest", bytes: byteCount) {
      nk_largest($0, f32, Int64(count), 0, &value, &column, 1, Int64(count))
    }
    return column < 0 ? nil : (Int(column), value)
  }

  /// How many of a few integers are those of `other`, negative ones not counted.
  package func matches(_ other: Tensor) -> Int {
    precondition(
      count == other.count && isContiguous && other.isContiguous, "\(other.shape) against \(shape)")
    return (0..<count).reduce(0) { $0 + (i32[$1] == other.i32[$1] && i32[$1] >= 0 ? 1 : 0) }
  }
}
