import Tensors
import Testing

/// Operations that only move, round or sum numbers: every instruction set gives the same ones.
@Suite struct KernelAgreementTests {
  static let sets = Device.InstructionSet.allCases.filter { $0 != .best && $0.isAvailable }

  /// Rows of an odd width with large, small and special numbers among them.
  static func numbers(_ rows: Int, _ columns: Int) -> [Float] {
    (0..<rows * columns).map { index in
      switch index % 11 {
      case 0: Float(index) * 977
      case 1: -Float(index) * 1e-9
      case 2: index == 2 ? .infinity : 65519
      default: Float((index * 7919) % 2003 - 1001) / 97
      }
    }
  }

  @Test("bf16 and f16 round to nearest even as Swift does", arguments: sets, [1, 2])
  func conversions(set: Device.InstructionSet, threads: Int) {
    let device = Device(threads: threads, instructionSet: set)
    let values = Self.numbers(61, 67) + [.nan, -.infinity, 0, -0.0, 65520, 5.9e-8, 2.9e-8, 6.1e-5, 3.39e38]
    let x = Tensor(values, Shape(values.count), on: device)
    func round(through dtype: DType) -> [Float] {
      let stored = Tensor(uninitialized: x.shape, dtype, on: device),
        back = Tensor(uninitialized: x.shape, on: device)
      stored.convert(from: x)
      back.convert(from: stored)
      return back.floats
    }
    for (value, got) in zip(values, round(through: .f16)) {
      let expected = Float(Float16(value))
      #expect(
        got.bitPattern == expected.bitPattern || (got.isNaN && expected.isNaN), "\(value) became \(got)")
    }
    for (value, got) in zip(values, round(through: .bf16)) {
      let bits = value.bitPattern
      let expected = Float(bitPattern: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000)
      #expect(got.bitPattern == expected.bitPattern || (got.isNaN && value.isNaN), "\(value) became \(got)")
    }
  }

  @Test("embeddings gather rows, and their gradients add up row by row", arguments: sets, [1, 2])
  func embedding(set: Device.InstructionSet, threads: Int) {
    let device = Device(threads: threads, instructionSet: set)
    let (rows, width) = (7, 37)
    let values = (0..<rows * width).map { Float($0 % 101) / 8 }
    let table = Tensor(values, Shape(rows, width), on: device)
    let ids: [Int32] = [3, 0, 6, 3, 3, 1, 6, 0, 2], positions: [Int32] = [0, 1, 2, 3, 4, 0, 1, 2, 3]
    let at = Tensor(ids, Shape(ids.count), on: device),
      positionIDs = Tensor(positions, Shape(ids.count), on: device)
    let y = Tensor(uninitialized: Shape(ids.count, width), on: device)
    y.setEmbedding(at, table: table, positions: (table, positionIDs))
    let expected = zip(ids, positions).flatMap { id, position in
      (0..<width).map { values[Int(id) * width + $0] + values[Int(position) * width + $0] }
    }
    #expect(y.floats == expected)

    let gradient = Tensor(values, table.shape, on: device)
    gradient.addEmbeddingGradient(y, ids: at)
    var sums = values
    for (row, id) in ids.enumerated() {
      for column in 0..<width { sums[Int(id) * width + column] += expected[row * width + column] }
    }
    #expect(gradient.floats == sums)
  }

  @Test(
    "column sums and sums of squares agree with double precision, and are the same on any threads",
    arguments: sets)
  func sums(set: Device.InstructionSet) {
    let (rows, width) = (301, 75)
    let values = (0..<rows * width).map { Float(($0 * 7919) % 2003 - 1001) / 97 }
    func run(threads: Int) -> (columns: [Float], squares: Double) {
      let device = Device(threads: threads, instructionSet: set)
      let x = Tensor(values, Shape(rows, width), on: device),
        sums = Tensor(zeros: Shape(width - 2), on: device)
      // A slice of every row, as a fused gradient has them.
      sums.addColumnSums(of: x.columns(1..<width - 1))
      return (sums.floats, x.sumOfSquares)
    }
    let one = run(threads: 1), two = run(threads: 2)
    #expect(one.columns == two.columns && one.squares == two.squares)
    for (column, got) in one.columns.enumerated() {
      let exact = (0..<rows).reduce(0.0) { $0 + Double(values[$1 * width + column + 1]) }
      #expect(abs(Double(got) - exact) < 1e-2)
    }
    let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(one.squares / squares - 1) < 1e-6)
  }
}
