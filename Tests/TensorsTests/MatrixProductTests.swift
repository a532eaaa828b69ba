import Tensors
import Testing

@Suite struct MatrixProductTests {
  static let sets = Device.InstructionSet.allCases.filter { $0 != .best && $0.isAvailable }
  static let shapes = [[1, 1, 1], [5, 7, 3], [13, 33, 17], [97, 65, 300], [200, 130, 513]]

  static func random(_ rows: Int, _ columns: Int, key: UInt64, on device: Device) -> Tensor {
    let x = Tensor(uninitialized: Shape(rows, columns), on: device)
    x.fillNormal(deviation: 1, key: key)
    return x
  }

  @Test("a product is the sum over k in double precision, for every instruction set", arguments: sets, shapes)
  func matchesReference(set: Device.InstructionSet, shape: [Int]) {
    let device = Device(threads: 1, instructionSet: set)
    let (m, n, k) = (shape[0], shape[1], shape[2])
    for transposition in [Transposition.none, .second, .first] {
      let a =
        transposition == .first
        ? Self.random(k, m, key: 1, on: device) : Self.random(m, k, key: 1, on: device)
      let b =
        transposition == .second
        ? Self.random(n, k, key: 2, on: device) : Self.random(k, n, key: 2, on: device)
      let c = Tensor(uninitialized: Shape(m, n), on: device)
      c.setProduct(a, b, transposition)
      let (av, bv, cv) = (a.floats, b.floats, c.floats)
      var worst = 0.0
      for i in 0..<m {
        for j in 0..<n {
          var sum = 0.0
          for l in 0..<k {
            let x = transposition == .first ? av[l * m + i] : av[i * k + l]
            let y = transposition == .second ? bv[j * k + l] : bv[l * n + j]
            sum += Double(x) * Double(y)
          }
          worst = max(worst, abs(sum - Double(cv[i * n + j])))
        }
      }
      #expect(worst < 2e-6 * Double(k) + 1e-6, "\(transposition): off by \(worst)")
    }
  }

  @Test("rows and columns computed apart, by one thread or two, are the same bits", arguments: sets)
  func doesNotDependOnSplits(set: Device.InstructionSet) {
    let (m, n, k) = (150, 170, 700)
    let one = Device(threads: 1, instructionSet: set), two = Device(threads: 2, instructionSet: set)
    func whole(on device: Device, _ transposition: Transposition) -> [Float] {
      let a =
        transposition == .first
        ? Self.random(k, m, key: 1, on: device) : Self.random(m, k, key: 1, on: device)
      let b =
        transposition == .second
        ? Self.random(n, k, key: 2, on: device) : Self.random(k, n, key: 2, on: device)
      let c = Tensor(uninitialized: Shape(m, n), on: device)
      c.setProduct(a, b, transposition)
      return c.floats
    }
    for transposition in [Transposition.none, .second, .first] {
      #expect(whole(on: one, transposition) == whole(on: two, transposition))
    }
    let a = Self.random(m, k, key: 1, on: two), b = Self.random(n, k, key: 2, on: two)
    let c = Tensor(uninitialized: Shape(m, n), on: two)
    c.setProduct(a, b, .second)
    for rows in [0..<1, 3..<4, 7..<100, 149..<150] {
      let part = Tensor(uninitialized: Shape(rows.count, n), on: two)
      part.setProduct(a.rows(rows), b, .second)
      #expect(part.floats == c.rows(rows).floats)
    }
    for columns in [0..<1, 5..<38, 100..<170] {
      let part = Tensor(uninitialized: Shape(m, columns.count), on: two)
      part.setProduct(a, b.rows(columns), .second)
      #expect(part.floats == c.columns(columns).floats)
    }
  }

  @Test(
    "an epilogue adds bias and residual, then activates; accumulation starts from what is there",
    arguments: sets)
  func epilogue(set: Device.InstructionSet) {
    let device = Device(threads: 2, instructionSet: set)
    let (m, n, k) = (37, 45, 300)
    let a = Self.random(m, k, key: 1, on: device), b = Self.random(n, k, key: 2, on: device)
    let bias = Self.random(1, n, key: 3, on: device), residual = Self.random(m, n, key: 4, on: device)
    let plain = Tensor(uninitialized: Shape(m, n), on: device)
    plain.setProduct(a, b, .second)
    let c = Tensor(uninitialized: Shape(m, n), on: device),
      activated = Tensor(uninitialized: Shape(m, n), on: device)
    c.setProduct(
      a, b, .second, epilogue: Epilogue(bias: bias, residual: residual, activated: (.gelu, activated)))
    let expected = Tensor(uninitialized: Shape(m, n), on: device)
    let (p, r, bv) = (plain.floats, residual.floats, bias.floats)
    let sums = (0..<m * n).map { p[$0] + bv[$0 % n] + r[$0] }
    #expect(c.floats == sums)
    expected.setActivation(.gelu, of: c)
    #expect(activated.floats == expected.floats)

    let accumulated = Tensor(residual.floats, Shape(m, n), on: device)
    accumulated.setProduct(a, b, .second, accumulate: true)
    for (x, y) in zip(accumulated.floats, zip(p, r).map(+)) { #expect(abs(x - y) < 1e-4) }
  }
}
