import Tensors
import Testing

@Suite struct PagedAttentionTests {
  static let sets = MatrixProductTests.sets

  /// Keys and values of one text of `length` tokens, attended to in pieces and through scattered pages.
  private func pieces(
    _ device: Device, heads: Int, keyValueHeads: Int, width: Int, length: Int, cuts: [Int], firstPage: Int
  ) -> (paged: [Float], plain: [Float]) {
    let q = MatrixProductTests.random(length, heads * width, key: 1, on: device)
    let k = MatrixProductTests.random(length, keyValueHeads * width, key: 2, on: device)
    let v = MatrixProductTests.random(length, keyValueHeads * width, key: 3, on: device)
    let plain = Tensor(uninitialized: q.shape, on: device)
    Attention(batch: 1, length: length, heads: heads, keyValueHeads: keyValueHeads, headWidth: width)
      .forward(q: q, k: k, v: v, output: plain, logSum: nil)

    let pages = KeyValuePages(
      count: 9, layers: 3..<5, keyValueHeads: keyValueHeads, headWidth: width, on: device)
    let table = (0..<4).map { Int32((firstPage + 5 * $0) % 9) }
    let output = Tensor(uninitialized: q.shape, on: device)
    for (start, end) in zip(cuts, cuts.dropFirst()) {
      PagedTokens(counts: [end - start], lengths: [end], tables: [table], in: pages, on: device).attend(
        q: q.rows(start..<end), k: k.rows(start..<end), v: v.rows(start..<end), layer: 4,
        output: output.rows(start..<end))
    }
    return (output.floats, plain.floats)
  }

  @Test("attention over pages has the bits of attention over rows, however the text is cut", arguments: sets)
  func equalsPlain(set: Device.InstructionSet) {
    for threads in [1, 2] {
      let device = Device(threads: threads, instructionSet: set)
      for (heads, keyValueHeads, width) in [(2, 2, 64), (6, 2, 16), (9, 1, 20), (4, 4, 128)] {
        for cuts in [[0, 230], [0, 1, 2, 63, 64, 65, 96, 97, 200, 229, 230], [0, 100, 230]] {
          let (paged, plain) = pieces(
            device, heads: heads, keyValueHeads: keyValueHeads, width: width, length: 230, cuts: cuts,
            firstPage: 2)
          #expect(paged == plain, "\(heads) heads of \(width), \(cuts)")
        }
      }
    }
  }

  @Test("texts of different lengths side by side do not see each other", arguments: sets)
  func ragged(set: Device.InstructionSet) {
    let device = Device(threads: 2, instructionSet: set), width = 32
    let pages = KeyValuePages(count: 12, layers: 0..<1, keyValueHeads: 2, headWidth: width, on: device)
    let lengths = [5, 130, 1, 64], before = [4, 0, 0, 60]
    let tables: [[Int32]] = [[3], [0, 7, 2], [5], [11]]
    func random(_ rows: Int, _ heads: Int, _ key: UInt64) -> Tensor {
      MatrixProductTests.random(rows, heads * width, key: key, on: device)
    }
    func parts(_ text: Int, _ range: Range<Int>) -> (q: Tensor, k: Tensor, v: Tensor) {
      let key = UInt64(10 * text)
      return (
        random(lengths[text], 4, key + 1).rows(range), random(lengths[text], 2, key + 2).rows(range),
        random(lengths[text], 2, key + 3).rows(range)
      )
    }
    func attend(_ texts: [(Int, Range<Int>)], _ tables: [[Int32]]) -> [[Float]] {
      let counts = texts.map(\.1.count), total = counts.reduce(0, +)
      let q = Tensor(uninitialized: Shape(total, 4 * width), on: device)
      let k = Tensor(uninitialized: Shape(total, 2 * width), on: device),
        v = Tensor(uninitialized: k.shape, on: device)
      var row = 0
      for (text, range) in texts {
        let own = parts(text, range), rows = row..<row + range.count
        q.rows(rows).copyRows(from: own.q)
        k.rows(rows).copyRows(from: own.k)
        v.rows(rows).copyRows(from: own.v)
        row += range.count
      }
      let output = Tensor(uninitialized: q.shape, on: device)
      PagedTokens(counts: counts, lengths: texts.map(\.1.upperBound), tables: tables, in: pages, on: device)
        .attend(q: q, k: k, v: v, layer: 0, output: output)
      row = 0
      return counts.map { count in
        defer { row += count }
        return output.rows(row..<row + count).floats
      }
    }
    for text in [0, 3] { _ = attend([(text, 0..<before[text])], [tables[text]]) }
    let together = attend((0..<4).map { ($0, before[$0]..<lengths[$0]) }, tables)
    for text in 0..<4 {
      let alone = attend([(text, before[text]..<lengths[text])], [tables[text]])[0]
      #expect(together[text] == alone, "text \(text)")
    }
  }

  @Test("a copied page holds what the page held, in every layer")
  func copies() {
    let device = Device(threads: 1), width = 16
    let pages = KeyValuePages(count: 3, layers: 0..<2, keyValueHeads: 1, headWidth: width, on: device)
    let k = MatrixProductTests.random(8, width, key: 1, on: device),
      q = MatrixProductTests.random(8, width, key: 2, on: device)
    func attend(_ rows: Range<Int>, page: Int32, layer: Int) -> [Float] {
      let output = Tensor(uninitialized: Shape(rows.count, width), on: device)
      PagedTokens(counts: [rows.count], lengths: [rows.upperBound], tables: [[page]], in: pages, on: device)
        .attend(
          q: q.rows(rows), k: k.rows(rows), v: k.rows(rows), layer: layer, output: output)
      return output.floats
    }
    for layer in 0..<2 { _ = attend(0..<7, page: 2, layer: layer) }
    pages.copy(2, to: 0)
    for layer in 0..<2 {
      #expect(attend(7..<8, page: 0, layer: layer) == attend(7..<8, page: 2, layer: layer))
    }
  }
}
