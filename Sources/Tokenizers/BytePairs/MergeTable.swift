/// Which neighbours merge, how early, and into what.
struct MergeTable: Sendable {
  /// A merge's rank in the high half (smaller is earlier) and the id it makes in the low half.
  typealias Merge = UInt64

  /// What `merge` answers where two ids do not merge; larger than any merge.
  static let none = Merge.max

  /// Pairs at even places, their merges at the odd places behind them.
  private var slots: [UInt64]
  private(set) var count = 0
  private let shift: UInt64

  /// No pair of ids, both below 2³¹, is all ones.
  private static let free = UInt64.max

  init(expecting count: Int) {
    var bits: UInt64 = 4
    while 1 << bits < count * 2 { bits += 1 }
    slots = Array(repeating: Self.free, count: 2 << bits)
    shift = 64 - bits
  }

  /// Adds a merge, over an earlier one of the same pair.
  mutating func add(_ left: Int32, _ right: Int32, rank: Int, makes id: Int32) {
    let pair = Self.pair(left, right)
    let slot = slot(of: pair)
    if slots[slot] == Self.free { count += 1 }
    precondition(count * 4 <= slots.count, "a table made for \(slots.count / 4) merges got more")
    slots[slot] = pair
    slots[slot + 1] = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: id))
  }

  /// The merge of two neighbours, or `none`.
  @inline(__always)
  func merge(_ left: Int32, _ right: Int32) -> Merge { slots[slot(of: Self.pair(left, right)) + 1] }

  @inline(__always)
  static func id(_ merge: Merge) -> Int32 { Int32(truncatingIfNeeded: merge) }

  @inline(__always)
  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func slot(of pair: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> shift) &* 2
    while slots[slot] != pair, slots[slot] != Self.free { slot = (slot &+ 2) & (slots.count &- 1) }
    return slot
  }
}
