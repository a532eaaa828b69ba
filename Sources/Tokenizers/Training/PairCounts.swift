/// How often two symbols stand side by side, by pair.
struct PairCounts {
  typealias Pair = UInt64

  private var table: [Pair: Int32] = [:]
  private(set) var pairs: [Pair] = []
  var counts: [Int] = []

  /// The place of `pair`, which is added with a count of 0 if it is new.
  mutating func index(of pair: Pair) -> Int {
    if let index = table[pair] { return Int(index) }
    table[pair] = Int32(pairs.count)
    pairs.append(pair)
    counts.append(0)
    return pairs.count - 1
  }

  @inline(__always)
  static func pair(_ left: Int32, _ right: Int32) -> Pair {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  static func symbols(_ pair: Pair) -> (left: Int32, right: Int32) {
    (Int32(truncatingIfNeeded: pair >> 32), Int32(truncatingIfNeeded: pair))
  }
}
