import CKernels

/// How the matrices of a model that only computes are kept. Sums are f32; what is multiplied with narrower weights is
/// rounded to bf16, whose products some processors have.
package enum WeightFormat: String, Sendable, Codable, CaseIterable {
  case f32, bf16
  /// E4M3 (4 bits of exponent, 3 of mantissa, no infinity; Micikevicius et al. 2022), with a scale for each row:
  /// the largest weight of a row is 448.
  case fp8
  /// Whole numbers of −127 ... 127, with a scale for each row and `groupColumns` columns.
  case int8

  /// Columns that share a scale in int8.
  package static let groupColumns = Int(NK_INT8_GROUP)

  var kernel: nk_weights { nk_weights(UInt32(Self.allCases.firstIndex(of: self) ?? 0)) }

  /// Bytes of a weight, scales not counted.
  package var size: Int {
    switch self {
    case .f32: 4
    case .bf16: 2
    case .fp8, .int8: 1
    }
  }

  /// Scales of a row of `columns` weights.
  package func scales(columns: Int) -> Int {
    switch self {
    case .f32, .bf16: 0
    case .fp8: 1
    case .int8: (columns + Self.groupColumns - 1) / Self.groupColumns
    }
  }
}

/// A matrix [rows, columns] = [out, in] in the order in which products read it, for models that only compute.
///
/// Panels of some rows, inside a panel column after column: a product reads memory from the first byte to the last,
/// whatever the number of its own rows is.
package final class PackedMatrix {
  package let format: WeightFormat
  package let rows: Int
  package let columns: Int
  private let weights: Tensor
  private let scales: Tensor?

  /// Room for a matrix; `setRows` fills it.
  package init(rows: Int, columns: Int, _ format: WeightFormat, on device: Device) {
    self.format = format
    self.rows = rows
    self.columns = columns
    let width = Int(nk_panel_width(device.kernels)), panels = (rows + width - 1) / width
    let bytes = nk_packed_bytes(device.kernels, format.kernel, Int64(rows), Int64(columns))
    weights = Tensor(uninitialized: Shape(Int(bytes)), .u8, on: device)
    let scaleCount = format.scales(columns: columns)
    scales = scaleCount > 0 ? Tensor(zeros: Shape(panels * width * scaleCount), on: device) : nil
  }

  package var device: Device { weights.device }

  /// Of weights and scales: what a product reads.
  package var byteCount: Int { rows * (columns * format.size + 4 * format.scales(columns: columns)) }

  /// Rows from `first` on = x [count, columns], rounded to the format. `scales` [count, 1]: of fp8 rows of which x is
  /// only some columns.
  package func setRows(from first: Int, to x: Tensor, scales: Tensor? = nil) {
    precondition(
      x.columns == columns && first + x.rows <= rows && (scales == nil || scales?.count == x.rows),
      "rows \(first)... = \(x.shape) of [\(rows), \(columns)]")
    device.run("packing", bytes: x.byteCount + x.rows * columns * format.size) { kernels in
      withKernelArguments {
        nk_pack(kernels, $0, Int64(first), Int64(x.rows), x.f32, Int64(x.rowStride), scales?.f32)
      }
    }
  }

  func withKernelArguments<T>(_ body: (UnsafePointer<nk_packed>) -> T) -> T {
    var arguments = nk_packed()
    arguments.kind = format.kernel
    arguments.n = Int64(rows)
    arguments.k = Int64(columns)
    arguments.weights = weights.raw
    arguments.scales = scales?.f32
    return body(&arguments)
  }
}

extension Tensor {
  /// self[i] = row ids[i] − firstRow of `matrix`, as a product sees it, 0 where it has no such row. [ids, columns]
  package func setRows(_ ids: Tensor, of matrix: PackedMatrix, firstRow: Int = 0) {
    precondition(
      rows == ids.count && columns == matrix.columns, "\(ids.count) rows of \(matrix.columns) into \(shape)")
    device.run("embedding", bytes: 2 * byteCount) { kernels in
      matrix.withKernelArguments {
        nk_unpack_rows(kernels, $0, Int64(firstRow), ids.i32, Int64(rows), f32, Int64(rowStride))
      }
    }
  }
}

extension Tensor {
  /// self [rows, columns] as fp8 or int8 codes, row by row, and their scales [rows, scales of a row]: what files hold.
  package func quantized(as format: WeightFormat) -> (codes: Tensor, scales: Tensor) {
    precondition(format.scales(columns: columns) > 0 && isContiguous, "\(format) of \(shape)")
    let codes = Tensor(uninitialized: shape, .u8, on: device)
    let scales = Tensor(uninitialized: Shape(rows, format.scales(columns: columns)), on: device)
    device.run("quantizing", bytes: byteCount + codes.byteCount) {
      nk_quantize(
        $0, format.kernel, f32, Int64(rows), Int64(columns), codes.raw.assumingMemoryBound(to: UInt8.self),
        scales.f32)
    }
    return (codes, scales)
  }
}

extension WeightFormat {
  /// Writes to `floats` what codes `range` of a matrix with `columns` columns stand for; `scales`: of all its rows.
  package func dequantize(
    _ codes: UnsafeRawBufferPointer, _ range: Range<Int>, columns: Int, scales: [Float],
    into floats: UnsafeMutableRawBufferPointer
  ) {
    precondition(
      codes.count == range.count && floats.count >= 4 * range.count
        && (range.isEmpty || (range.upperBound - 1) / columns < scales.count / self.scales(columns: columns)))
    guard let from = codes.bindMemory(to: UInt8.self).baseAddress,
      let to = floats.bindMemory(to: Float.self).baseAddress
    else { return }
    nk_dequantize(kernel, from, Int64(range.lowerBound), Int64(range.count), Int64(columns), scales, to)
  }
}
