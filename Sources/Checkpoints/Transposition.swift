/// Turns a matrix of elements that are only moved: rows become columns.
struct Transposition {
  /// Of the matrix that is read.
  let rows: Int
  let columns: Int
  let elementSize: Int

  /// Rows and columns of a square whose elements stay in the nearest cache.
  private static let tile = 32

  /// Writes the columns of `source`, contiguous, as the rows of `target`, which lie `stride` elements apart (nil: one
  /// behind the other).
  func copy(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, stride: Int? = nil)
  {
    let stride = stride ?? rows
    precondition(
      source.count >= rows * columns * elementSize, "\(source.count) bytes for \(rows) × \(columns)")
    switch elementSize {
    case 1: copy(source, into: target, stride, as: UInt8.self)
    case 2: copy(source, into: target, stride, as: UInt16.self)
    case 4: copy(source, into: target, stride, as: UInt32.self)
    case 8: copy(source, into: target, stride, as: UInt64.self)
    default: preconditionFailure("no element has \(elementSize) bytes")
    }
  }

  private func copy<T: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ stride: Int, as: T.Type
  ) {
    let size = MemoryLayout<T>.size
    for firstRow in Swift.stride(from: 0, to: rows, by: Self.tile) {
      for firstColumn in Swift.stride(from: 0, to: columns, by: Self.tile) {
        for column in firstColumn..<min(firstColumn + Self.tile, columns) {
          for row in firstRow..<min(firstRow + Self.tile, rows) {
            target.storeBytes(
              of: source.loadUnaligned(fromByteOffset: (row * columns + column) * size, as: T.self),
              toByteOffset: (column * stride + row) * size, as: T.self)
          }
        }
      }
    }
  }
}
