/// How often two symbols stand side by side, by pair.
struct PairCounts {
  typealias Pair = UInt64

  /// At a pair's hash: its place plus one; 0 is free. The count is a power of two, at most half full.
  private var slots: [Int32] = Array(repeating: 0, count: 1 << 16)
  private(set) var pairs: [Pair] = []
  var counts: [Int] = []

  /// The place of `pair`, which is added with a count of 0 if it is new.
  mutating func index(of pair: Pair) -> Int {
    var slot = slot(of: pair)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if pairs[index] == pair { return index }
      slot = (slot + 1) & (slots.count - 1)
    }
    pairs.append(pair)
    counts.append(0)
    slots[slot] = Int32(pairs.count)
    if pairs.count * 2 > slots.count { grow() }
    return pairs.count - 1
  }

  @inline(__always)
  private func slot(of pair: Pair) -> Int {
    let mixed = pair &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed ^ mixed >> 32) & (slots.count - 1)
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for (index, pair) in pairs.enumerated() {
      var slot = slot(of: pair)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index + 1)
    }
  }

  @inline(__always)
  static func pair(_ left: Int32, _ right: Int32) -> Pair {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  static func symbols(_ pair: Pair) -> (left: Int32, right: Int32) {
    (Int32(truncatingIfNeeded: pair >> 32), Int32(truncatingIfNeeded: pair))
  }
}
