import Tensors

/// A tensor on its way to a file: its elements are somewhere in memory and stay there until it is written.
struct StoredTensor {
  let name: String
  let type: StoredType
  let shape: [Int]
  let bytes: UnsafeRawBufferPointer

  /// The size of the first dimension.
  var rows: Int { shape.first ?? 1 }
  var bytesPerRow: Int { rows == 0 ? 0 : bytes.count / rows }

  /// The elements of `rows`.
  func bytes(rows: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[rows.lowerBound * bytesPerRow..<rows.upperBound * bytesPerRow])
  }
}
