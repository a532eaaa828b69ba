import Tensors
import Testing

/// What a rank computes of its share is what one rank computes of the whole.
@Suite struct ShardTests {
  let device = Device(threads: 2)

  func numbers(_ shape: Shape, key: UInt64, deviation: Float = 1) -> Tensor {
    let x = Tensor(uninitialized: shape, on: device)
    x.fillNormal(deviation: deviation, key: key)
    return x
  }

  @Test("rows of a tensor draw the whole's dropout mask")
  func dropout() {
    let x = numbers(Shape(11, 7), key: 1), whole = Tensor(uninitialized: x.shape, on: device)
    whole.setDropout(of: x, probability: 0.4, key: 9, residual: x)
    for rows in [0..<3, 3..<4, 4..<11] {
      let y = Tensor(uninitialized: Shape(rows.count, 7), on: device)
      y.setDropout(
        of: x.rows(rows), probability: 0.4, key: 9, residual: x.rows(rows), first: rows.lowerBound * 7)
      #expect(y.floats == whole.rows(rows).floats)
    }
  }

  @Test("some heads draw the attention masks of these heads, on the way back too")
  func attention() {
    let (length, heads, width) = (9, 5, 8)
    let shape = Shape(length, heads * width)
    let q = numbers(shape, key: 1), k = numbers(shape, key: 2), v = numbers(shape, key: 3)
    func run(_ part: Range<Int>, of total: Int?) -> [[Float]] {
      let columns = part.lowerBound * width..<part.upperBound * width
      var attention = Attention(
        batch: 1, length: length, heads: part.count, keyValueHeads: part.count, headWidth: width)
      attention.dropout = 0.5
      attention.dropoutKey = 4
      attention.totalHeads = total
      attention.firstHead = part.lowerBound
      let results = (0..<4).map { _ in Tensor(uninitialized: Shape(length, columns.count), on: device) }
      let logSum = Tensor(uninitialized: Shape(part.count * length), on: device)
      attention.forward(
        q: q.columns(columns), k: k.columns(columns), v: v.columns(columns), output: results[0],
        logSum: logSum)
      attention.backward(
        q.columns(columns), q: q.columns(columns), k: k.columns(columns), v: v.columns(columns),
        output: results[0], logSum: logSum, dq: results[1], dk: results[2], dv: results[3])
      return results.map(\.floats)
    }
    let whole = run(0..<heads, of: nil).map { Tensor($0, shape, on: device) }
    for part in [0..<2, 2..<5] {
      for (got, expected) in zip(run(part, of: heads), whole) {
        #expect(got == expected.columns(part.lowerBound * width..<part.upperBound * width).floats)
      }
    }
  }

  @Test("parts of a table look up their rows, and their gradients are rows of the whole's")
  func embedding() {
    let table = numbers(Shape(10, 6), key: 1), ids: [Int32] = [3, 9, 0, 4, 4, 7]
    let at = Tensor(ids, Shape(6), on: device), dy = numbers(Shape(6, 6), key: 2)
    let whole = Tensor(uninitialized: dy.shape, on: device), sum = Tensor(zeros: dy.shape, on: device)
    let gradient = Tensor(zeros: table.shape, on: device)
    whole.setEmbedding(at, table: table)
    gradient.addEmbeddingGradient(dy, ids: at)
    for rows in [0..<4, 4..<5, 5..<5, 5..<10] {
      let y = Tensor(uninitialized: dy.shape, on: device), part = table.rows(rows)
      y.setEmbedding(at, table: part, firstRow: rows.lowerBound)
      sum.add(y)
      let partGradient = Tensor(zeros: part.shape, on: device)
      partGradient.addEmbeddingGradient(dy, ids: at, firstRow: rows.lowerBound)
      #expect(partGradient.floats == gradient.rows(rows).floats)
    }
    #expect(sum.floats == whole.floats)
  }

  @Test(
    "cross-entropy over uneven parts of the vocabulary is the whole's to 1e-6, over one part to the bit",
    arguments: [[0, 50], [0, 1, 30, 50], [0, 17, 17, 50, 50]])
  func crossEntropy(bounds: [Int]) {
    let (rows, vocabulary, ranks) = (6, 50, bounds.count - 1)
    let logits = numbers(Shape(rows, vocabulary), key: 1, deviation: 4)
    let targets = Tensor([0, 49, -1, 17, 16, 30] as [Int32], Shape(rows), on: device)
    let parts = zip(bounds, bounds.dropFirst()).map { logits.columns($0..<$1).contiguous }
    let whole = Tensor(uninitialized: logits.shape, on: device)
    whole.copy(from: logits)
    let expected = Tensor(uninitialized: Shape(rows), on: device)
    whole.crossEntropy(targets: targets, losses: expected, gradientWeight: 0.25)

    let all = Tensor(uninitialized: Shape([ranks, rows, 3]), on: device)
    func statistics(_ rank: Int) -> Tensor {
      all.elements(rank * rows * 3..<(rank + 1) * rows * 3, as: Shape(rows, 3))
    }
    for (rank, part) in parts.enumerated() {
      part.crossEntropyStatistics(targets: targets, firstColumn: bounds[rank], into: statistics(rank))
    }
    let losses = Tensor(uninitialized: Shape(rows), on: device)
    let totals = Tensor(uninitialized: Shape(rows, 2), on: device)
    totals.combineCrossEntropy(all, targets: targets, losses: losses)
    #expect(
      zip(losses.floats, expected.floats).allSatisfy { abs($0 - $1) <= (ranks == 1 ? 0 : 1e-6 * (1 + $1)) })
    for (rank, part) in parts.enumerated() {
      part.setCrossEntropyGradient(
        targets: targets, firstColumn: bounds[rank], statistics: statistics(rank), totals: totals,
        weight: 0.25)
      let exact = whole.columns(bounds[rank]..<bounds[rank + 1]).floats
      #expect(zip(part.floats, exact).allSatisfy { abs($0 - $1) <= (ranks == 1 ? 0 : 1e-6) })
    }
  }

  @Test("a block of a matrix draws what the whole draws there")
  func block() {
    let whole = numbers(Shape(9, 14), key: 3), block = Tensor(uninitialized: Shape(4, 5), on: device)
    block.fillNormal(deviation: 1, key: 3, first: 2 * 14 + 6, rowStride: 14)
    #expect(block.floats == whole.rows(2..<6).columns(6..<11).floats)
  }

  @Test("ranks reduce in their order, in place or out of it, f32 or bf16, and only the range asked for")
  func reduction() {
    let values: [[Float]] = [[1, 0x1p-24, 3, 4], [0x1p-24, 0x1p-24, .nan, 6], [-1, 1, 8, 9]]
    let ranks = values.map { Tensor($0, Shape(4), on: device) }
    let narrow = ranks.map { rank in
      let x = Tensor(uninitialized: Shape(4), .bf16, on: device)
      x.convert(from: rank)
      return x
    }
    let output = Tensor([7, 7, 7, 7] as [Float], Shape(4), on: device)
    device.reduce(
      .sum, inputs: narrow.map { UnsafeRawPointer($0.raw) }, outputs: [output.raw], element: .bf16,
      range: 0..<2)
    #expect(output.floats == [0, 0x1p-23 + 1, 7, 7])
    device.reduce(
      .maximum, inputs: ranks.map { UnsafeRawPointer($0.raw) }, outputs: [output.raw], range: 1..<4)
    #expect(output.floats[0...1] == [0, 1] && output.floats[2].isNaN && output.floats[3] == 9)
    device.reduce(
      .sum, inputs: ranks.map { UnsafeRawPointer($0.raw) }, outputs: ranks.map(\.raw), range: 0..<2)
    for (rank, before) in zip(ranks, values) {
      #expect(rank.floats[0...1] == [0, 0x1p-23 + 1] && rank.floats[3] == before[3])
    }
  }
}
