/// A view of a buffer: elements of one type in row-major order, rows perhaps apart by a stride.
///
/// Copying a tensor copies the view. Memory is shared until nobody views it, then recycled by the device.
/// A tensor belongs to the thread that issues its device's operations.
package struct Tensor {
  package let device: Device
  package let shape: Shape
  package let dtype: DType
  /// Elements from one row (along the last dimension) to the next.
  package let rowStride: Int
  private let buffer: Buffer
  private let offset: Int

  private init(
    device: Device, buffer: Buffer, shape: Shape, dtype: DType, rowStride: Int, offset: Int
  ) {
    self.device = device
    self.buffer = buffer
    self.shape = shape
    self.dtype = dtype
    self.rowStride = rowStride
    self.offset = offset
  }

  /// A tensor whose elements are unspecified: the operation that follows writes all of them.
  package init(uninitialized shape: Shape, _ dtype: DType = .f32, on device: Device) {
    self.init(
      device: device, buffer: device.buffer(bytes: shape.count * dtype.size), shape: shape, dtype: dtype,
      rowStride: shape.columns, offset: 0)
  }

  package init(zeros shape: Shape, on device: Device) {
    self.init(uninitialized: shape, on: device)
    fill(0)
  }

  package init(_ values: [Float], _ shape: Shape, on device: Device) {
    self.init(uninitialized: shape, on: device)
    copy(from: values)
  }

  package init(_ values: [Int32], _ shape: Shape, on device: Device) {
    self.init(uninitialized: shape, .i32, on: device)
    copy(from: values)
  }

  package var count: Int { shape.count }
  package var rows: Int { shape.rows }
  package var columns: Int { shape.columns }
  package var isContiguous: Bool { rowStride == columns || rows <= 1 }
  package var byteCount: Int { count * dtype.size }

  // MARK: Views

  /// The same elements in another shape; the tensor is contiguous.
  package func reshaped(_ shape: Shape) -> Tensor {
    precondition(isContiguous, "reshape needs contiguous rows, got a stride of \(rowStride) for \(columns)")
    precondition(shape.count == count, "cannot see \(self.shape) as \(shape): the counts differ")
    return Tensor(
      device: device, buffer: buffer, shape: shape, dtype: dtype, rowStride: shape.columns, offset: offset)
  }

  /// Columns `range` of every row, as a matrix.
  package func columns(_ range: Range<Int>) -> Tensor {
    precondition(range.upperBound <= columns, "columns \(range) of a tensor of \(columns)")
    return Tensor(
      device: device, buffer: buffer, shape: Shape(rows, range.count), dtype: dtype, rowStride: rowStride,
      offset: offset + range.lowerBound)
  }

  /// Rows `range`, as a matrix.
  package func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.upperBound <= rows, "rows \(range) of a tensor of \(rows)")
    return Tensor(
      device: device, buffer: buffer, shape: Shape(range.count, columns), dtype: dtype,
      rowStride: rowStride, offset: offset + range.lowerBound * rowStride)
  }

  /// Elements `range` of a contiguous tensor, in shape `shape`.
  package func elements(_ range: Range<Int>, as shape: Shape) -> Tensor {
    precondition(isContiguous, "a run of elements needs a contiguous tensor")
    precondition(range.upperBound <= count, "elements \(range) of a tensor of \(count)")
    precondition(shape.count == range.count, "\(range.count) elements cannot be \(shape)")
    return Tensor(
      device: device, buffer: buffer, shape: shape, dtype: dtype, rowStride: shape.columns,
      offset: offset + range.lowerBound)
  }

  /// A contiguous tensor with the same elements: itself where it already is one.
  package var contiguous: Tensor {
    guard !isContiguous else { return self }
    let copy = Tensor(uninitialized: shape, dtype, on: device)
    copy.copyRows(from: self)
    return copy
  }

  /// self = x, row by row; either may be a strided view.
  package func copyRows(from x: Tensor) {
    precondition(
      rows == x.rows && columns == x.columns && dtype == x.dtype,
      "\(x.shape) into \(shape), \(x.dtype) into \(dtype)")
    device.run("copy", bytes: 2 * byteCount) { _ in
      for row in 0..<rows {
        (raw + row * rowStride * dtype.size).copyMemory(
          from: x.raw + row * x.rowStride * dtype.size, byteCount: columns * dtype.size)
      }
    }
  }

  // MARK: Elements

  /// The first element, for kernels.
  package var raw: UnsafeMutableRawPointer { buffer.memory + offset * dtype.size }

  var f32: UnsafeMutablePointer<Float> {
    precondition(dtype == .f32, "expected f32, got \(dtype)")
    return raw.assumingMemoryBound(to: Float.self)
  }

  var i32: UnsafeMutablePointer<Int32> {
    precondition(dtype == .i32, "expected i32, got \(dtype)")
    return raw.assumingMemoryBound(to: Int32.self)
  }

  /// The memory of a contiguous tensor.
  package var bytes: UnsafeMutableRawBufferPointer {
    precondition(isContiguous, "the bytes of a strided view are not contiguous")
    return UnsafeMutableRawBufferPointer(start: raw, count: byteCount)
  }

  /// A copy of the elements.
  package var floats: [Float] {
    let whole = contiguous
    return Array(UnsafeBufferPointer(start: whole.f32, count: count))
  }

  package var integers: [Int32] { Array(UnsafeBufferPointer(start: contiguous.i32, count: count)) }

  /// One element of a contiguous f32 tensor.
  package subscript(index: Int) -> Float {
    get {
      checkElement(index)
      return f32[index]
    }
    nonmutating set {
      checkElement(index)
      f32[index] = newValue
    }
  }

  private func checkElement(_ index: Int) {
    precondition(isContiguous && 0 <= index && index < count, "element \(index) of \(shape)")
  }

  /// Writes `values` over all elements of a contiguous tensor.
  package func copy(from values: [Float]) {
    precondition(values.count == count && isContiguous, "\(values.count) values for \(shape)")
    values.withUnsafeBytes { bytes.copyMemory(from: $0) }
  }

  package func copy(from values: [Int32]) {
    precondition(dtype == .i32, "expected i32, got \(dtype)")
    precondition(values.count == count && isContiguous, "\(values.count) values for \(shape)")
    values.withUnsafeBytes { bytes.copyMemory(from: $0) }
  }
}
