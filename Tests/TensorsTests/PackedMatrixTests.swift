import Tensors
import Testing

@Suite struct PackedMatrixTests {
  static let sets = MatrixProductTests.sets
  /// m, n, k: below, at and beyond tiles, panels and blocks.
  static let shapes = [
    [1, 1, 1], [1, 100, 130], [2, 48, 384], [3, 7, 385], [8, 97, 700], [13, 50, 400], [70, 130, 513],
  ]

  static func packed(_ b: Tensor, _ format: WeightFormat) -> PackedMatrix {
    let packed = PackedMatrix(rows: b.rows, columns: b.columns, format, on: b.device)
    // In two parts, as a layer's q, k and v come.
    let first = b.rows / 3
    packed.setRows(from: first, to: b.rows(first..<b.rows))
    packed.setRows(from: 0, to: b.rows(0..<first))
    return packed
  }

  static func unpacked(_ packed: PackedMatrix) -> Tensor {
    let rows = Tensor(uninitialized: Shape(packed.rows, packed.columns), on: packed.device)
    rows.setRows(Tensor((0..<packed.rows).map(Int32.init), Shape(packed.rows), on: packed.device), of: packed)
    return rows
  }

  /// x rounded to bf16: to the nearest, of two the even one.
  static func rounded(_ x: Float) -> Float {
    let bits = x.bitPattern
    return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  @Test(
    "a product with packed f32 weights has the bits of the plain product, epilogue and all", arguments: sets,
    shapes)
  func plainFormat(set: Device.InstructionSet, shape: [Int]) {
    let device = Device(threads: 2, instructionSet: set)
    let (m, n, k) = (shape[0], shape[1], shape[2])
    let a = MatrixProductTests.random(m, k, key: 1, on: device),
      b = MatrixProductTests.random(n, k, key: 2, on: device)
    let bias = MatrixProductTests.random(1, n, key: 3, on: device).reshaped(Shape(n))
    let packed = Self.packed(b, .f32)
    #expect(Self.unpacked(packed).floats == b.floats)
    let plain = Tensor(uninitialized: Shape(m, n), on: device),
      own = Tensor(uninitialized: Shape(m, n), on: device)
    plain.setProduct(a, b, .second, epilogue: Epilogue(bias: bias))
    own.setProduct(a, packed, epilogue: Epilogue(bias: bias))
    #expect(own.floats == plain.floats)
  }

  @Test(
    "a product with narrower weights is the one of what they stand for with rows rounded to bf16",
    arguments: sets, shapes)
  func narrowFormats(set: Device.InstructionSet, shape: [Int]) {
    let device = Device(threads: 2, instructionSet: set)
    let (m, n, k) = (shape[0], shape[1], shape[2])
    let a = MatrixProductTests.random(m, k, key: 1, on: device),
      b = MatrixProductTests.random(n, k, key: 2, on: device)
    let rows = a.floats.map(Self.rounded)
    for format in [WeightFormat.bf16, .fp8, .int8] {
      let packed = Self.packed(b, format)
      let weights = Self.unpacked(packed).floats
      if format == .bf16 { #expect(weights == b.floats.map(Self.rounded)) }
      let own = Tensor(uninitialized: Shape(m, n), on: device)
      own.setProduct(a, packed)
      var worst = 0.0
      for i in 0..<m {
        for j in 0..<n {
          var sum = 0.0
          for l in 0..<k { sum += Double(rows[i * k + l]) * Double(weights[j * k + l]) }
          worst = max(worst, abs(sum - Double(own.floats[i * n + j])))
        }
      }
      #expect(worst < 5e-6 * Double(k).squareRoot(), "\(format): off by \(worst)")
    }
  }

  @Test("a row has the same bits alone, beside others, and on any number of threads", arguments: sets)
  func doesNotDependOnRows(set: Device.InstructionSet) {
    let (m, n, k) = (23, 150, 700)
    for format in WeightFormat.allCases {
      let all = [1, 2].map { threads -> [Float] in
        let device = Device(threads: threads, instructionSet: set)
        let a = MatrixProductTests.random(m, k, key: 1, on: device)
        let packed = Self.packed(MatrixProductTests.random(n, k, key: 2, on: device), format)
        let c = Tensor(uninitialized: Shape(m, n), on: device)
        c.setProduct(a, packed)
        for rows in [0..<1, 1..<3, 3..<6, 6..<10, 10..<15, 14..<23] {
          let part = Tensor(uninitialized: Shape(rows.count, n), on: device)
          part.setProduct(a.rows(rows), packed)
          #expect(part.floats == c.rows(rows).floats, "\(format), rows \(rows)")
        }
        return c.floats
      }
      #expect(all[0] == all[1])
    }
  }

  @Test("every E4M3 number is kept as it is, and others go to the nearest", arguments: sets)
  func fp8Values(set: Device.InstructionSet) {
    let device = Device(threads: 1, instructionSet: set)
    // A number of the format: (8 + m)·2^(e − 10), or m·2^(−9) where e is 0; 448 is the largest, so scales are 1.
    var numbers: [Float] = []
    for e in 0...15 {
      for m in 0...7 where !(e == 15 && m == 7) {
        numbers.append(
          e == 0 ? Float(m) / 512 : Float(sign: .plus, exponent: e - 10, significand: Float(8 + m)))
      }
    }
    #expect(numbers.last == 448 && numbers[1] == 0x1p-9 && numbers[8] == 0x1p-6)
    let row = numbers + numbers.map { -$0 }
    func through(_ row: [Float]) -> [Float] {
      Self.unpacked(Self.packed(Tensor(row, Shape(1, row.count), on: device), .fp8)).floats
    }
    #expect(through(row) == row)
    // A little beyond the middle between neighbours, and just there: to the even one.
    let pairs = zip(numbers, numbers.dropFirst())
    let beyond = pairs.map { $0 + ($1 - $0) * 0.51 } + [448], middle = pairs.map { ($0 + $1) / 2 } + [448]
    #expect(through(beyond) == Array(numbers.dropFirst()) + [448])
    let even = numbers.indices.dropLast().map { numbers[$0 % 2 == 0 ? $0 : $0 + 1] } + [448]
    #expect(through(middle) == even)
  }

  @Test("int8 is off by half a step of its group at most, fp8 by a sixteenth of the weight")
  func errors() {
    let device = Device(threads: 1)
    let b = MatrixProductTests.random(50, 300, key: 9, on: device)
    let (plain, int8, fp8) = (
      b.floats, Self.unpacked(Self.packed(b, .int8)).floats, Self.unpacked(Self.packed(b, .fp8)).floats
    )
    for row in 0..<50 {
      for group in stride(from: 0, to: 300, by: WeightFormat.groupColumns) {
        let places = row * 300 + group..<row * 300 + min(300, group + WeightFormat.groupColumns)
        let step = (plain[places].map { abs($0) }.max() ?? 0) / 127
        for place in places {
          #expect(abs(plain[place] - int8[place]) <= step * 0.5001)
          #expect(abs(plain[place] - fp8[place]) <= abs(plain[place]) / 16 * 1.001 + 0.01 * step)
        }
      }
    }
  }
}
