import Tensors
import Testing

/// What heads of a model need of rows: some of them, and where each is largest.
@Suite struct RowTests {
  let device = Device(threads: 2)

  @Test("rows are picked, none where there is none, and their gradients added where they came from")
  func picking() {
    let x = Tensor((0..<12).map(Float.init), Shape(4, 3), on: device)
    let rows = Tensor([2, 0, -1, 2] as [Int32], Shape(4), on: device)
    let picked = Tensor(uninitialized: Shape(4, 3), on: device)
    picked.setRows(of: x, at: rows)
    #expect(picked.floats == [6, 7, 8, 0, 1, 2, 0, 0, 0, 6, 7, 8])
    let sum = Tensor([Float](repeating: 1, count: 12), Shape(4, 3), on: device)
    sum.addRows(picked, at: rows)
    #expect(sum.floats == [1, 2, 3, 1, 1, 1, 13, 15, 17, 1, 1, 1])
  }

  @Test("the first of a row's largest elements is found, in one part or in several")
  func largest() {
    let x = Tensor(
      [1, 5, 2, 5, -3, -.infinity, -3, -4, .nan, 0, .nan, 0] as [Float], Shape(3, 4), on: device)
    func find(_ part: Range<Int>) -> (columns: [Int32], values: [Float]) {
      let columns = Tensor(uninitialized: Shape(3), .i32, on: device)
      let values = Tensor(uninitialized: Shape(3), on: device)
      x.columns(part).indexOfLargest(into: columns, values: values, firstColumn: part.lowerBound)
      return (columns.integers, values.floats)
    }
    #expect(find(0..<4) == ([1, 0, 1], [5, -3, 0]))
    #expect(find(2..<4) == ([3, 2, 3], [5, -3, 0]))
    #expect(find(2..<3) == ([2, 2, -1], [2, -3, -.infinity]))
    #expect(find(4..<4) == ([-1, -1, -1], [-.infinity, -.infinity, -.infinity]))
  }

  @Test("the gradient of tanh is the slope of tanh")
  func tanh() {
    let points: [Float] = [-9, -1.5, -0.2, 0, 1e-3, 0.7, 3]
    let x = Tensor(points, Shape(7), on: device), y = Tensor(uninitialized: Shape(7), on: device)
    let dx = Tensor([Float](repeating: 2, count: 7), Shape(7), on: device)
    y.set(.tanh, of: x)
    dx.setTanhGradient(dx, of: y)
    func value(_ x: Float) -> Float {
      let t = Tensor([x], Shape(1), on: device)
      t.set(.tanh, of: t)
      return t.floats[0]
    }
    for (point, slope) in zip(points, dx.floats) {
      #expect(abs(slope - 2 * (value(point + 0.01) - value(point - 0.01)) / 0.02) < 3e-4)
    }
  }
}
