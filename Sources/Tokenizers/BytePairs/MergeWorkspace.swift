/// The arrays in which the symbols of one piece merge, kept from piece to piece.
///
/// The rule is that of byte-pair encoding: the neighbours whose merge ranks first merge, the leftmost of
/// equals, until none merge. Short pieces search for the next merge (n² with a small n); long ones take
/// it from a heap over a linked list, so a piece of a megabyte costs n·log n.
struct MergeWorkspace: Sendable {
  /// The symbols: before `run`, what the piece starts from; after it, what it became.
  var symbols: [Int32] = []
  /// By symbol: how it merges with the next one.
  private var merges: [MergeTable.Merge] = []
  private var heap = Heap<UInt64>()
  private var next: [Int32] = []
  private var previous: [Int32] = []

  private static let longPiece = 24

  mutating func run(_ table: MergeTable) {
    guard symbols.count > 1 else { return }
    if symbols.count < Self.longPiece { runBySearch(table) } else { runByHeap(table) }
  }

  private mutating func runBySearch(_ table: MergeTable) {
    merges.removeAll(keepingCapacity: true)
    for index in 1..<symbols.count {
      merges.append(table.merge(symbols[index - 1], symbols[index]))
    }
    while true {
      // Only the ranks count, so that a strict comparison keeps the leftmost of equals.
      var best = MergeTable.none >> 32
      var at = 0
      for index in merges.indices where merges[index] >> 32 < best {
        best = merges[index] >> 32
        at = index
      }
      guard best != MergeTable.none >> 32 else { return }
      symbols[at] = MergeTable.id(merges[at])
      symbols.remove(at: at + 1)
      merges.remove(at: at)
      if at > 0 { merges[at - 1] = table.merge(symbols[at - 1], symbols[at]) }
      if at < merges.count { merges[at] = table.merge(symbols[at], symbols[at + 1]) }
    }
  }

  private mutating func runByHeap(_ table: MergeTable) {
    let count = symbols.count
    link(count)
    heap.removeAll()
    for index in 0..<count - 1 { push(index, table) }
    while let candidate = heap.removeFirst() {
      let at = Int(candidate & 0xFFFF_FFFF)
      let merge = merges[at]
      // Stale when the symbol is gone or merges otherwise by now.
      guard merge != MergeTable.none, merge >> 32 == candidate >> 32 else { continue }
      let right = Int(next[at])
      let after = Int(next[right])
      symbols[at] = MergeTable.id(merge)
      symbols[right] = -1
      merges[right] = MergeTable.none
      next[at] = Int32(after)
      if after < count { previous[after] = Int32(at) }
      if previous[at] >= 0 { push(Int(previous[at]), table) }
      push(at, table)
    }
    symbols.removeAll { $0 < 0 }
  }

  private mutating func link(_ count: Int) {
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    merges.removeAll(keepingCapacity: true)
    for index in 0..<Int32(count) {
      next.append(index + 1)
      previous.append(index - 1)
      merges.append(MergeTable.none)
    }
  }

  /// Notes how the symbol at `index` merges with the one behind it.
  private mutating func push(_ index: Int, _ table: MergeTable) {
    let right = Int(next[index])
    merges[index] = right < symbols.count ? table.merge(symbols[index], symbols[right]) : MergeTable.none
    if merges[index] != MergeTable.none { heap.insert(merges[index] & ~0xFFFF_FFFF | UInt64(index)) }
  }
}
