/// What a model computes in one step, the same for all its ranks: new tokens of several texts, one behind the other.
struct StepPlan: Equatable {
  /// New tokens and their positions.
  var ids: [Int32] = []
  var positions: [Int32] = []
  /// Of each text: how many are its own, how many tokens it has with them, and its pages.
  var counts: [Int] = []
  var lengths: [Int] = []
  var tables: [[Int32]] = []
  /// Pages to be copied before: from, to.
  var copies: [(source: Int32, target: Int32)] = []
  /// Rows whose logits are wanted, and rows whose last hidden state is, in rising order.
  var logitRows: [Int32] = []
  var hiddenRows: [Int32] = []

  init() {}

  static func == (a: StepPlan, b: StepPlan) -> Bool { a.encoded == b.encoded }

  /// Adds a text that goes on with `tokens` from position `first` on; gives the row of the first.
  mutating func append(_ tokens: ArraySlice<Int32>, at first: Int, pages: [Int32]) -> Int {
    let row = ids.count
    ids += tokens
    positions += (first..<first + tokens.count).map(Int32.init)
    counts.append(tokens.count)
    lengths.append(first + tokens.count)
    tables.append(pages)
    return row
  }

  // MARK: On the way to other ranks

  var encoded: [Int32] {
    let sizes = [ids.count, counts.count, copies.count, logitRows.count, hiddenRows.count]
    var all = sizes.map(Int32.init) + ids + positions
    all += counts.map(Int32.init) + lengths.map(Int32.init) + tables.map { Int32($0.count) }
    for table in tables { all += table }
    for copy in copies { all += [copy.source, copy.target] }
    return all + logitRows + hiddenRows
  }

  init(encoded: [Int32]) {
    var rest = encoded[...]
    func take(_ count: Int) -> [Int32] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    let sizes = take(5).map(Int.init)
    ids = take(sizes[0])
    positions = take(sizes[0])
    counts = take(sizes[1]).map(Int.init)
    lengths = take(sizes[1]).map(Int.init)
    tables = take(sizes[1]).map(Int.init).map { take($0) }
    copies = (0..<sizes[2]).map { _ in
      let pair = take(2)
      return (pair[0], pair[1])
    }
    logitRows = take(sizes[3])
    hiddenRows = take(sizes[4])
  }
}
