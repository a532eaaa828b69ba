/// NumPy's legacy random stream, `numpy.random.RandomState(seed)`: the 32-bit Mersenne Twister, and the
/// shuffle built on it. Megatron orders its data with it, so the same seed must give the same order.
///
/// Source: Matsumoto and Nishimura 1998 (MT19937); NumPy's `random_interval` and `shuffle`.
package struct NumPyRandom: Sendable {
  private static let size = 624
  private static let middle = 397

  private var state: [UInt32]
  private var position = size

  package init(seed: UInt32) {
    state = []
    state.reserveCapacity(Self.size)
    var word = seed
    for index in 1...UInt32(Self.size) {
      state.append(word)
      word = 1_812_433_253 &* (word ^ (word >> 30)) &+ index
    }
  }

  /// The next 32 random bits.
  package mutating func next() -> UInt32 {
    if position == Self.size { refill() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  /// A uniform integer of `0...bound`: the bits under the smallest covering mask, drawn until they fit.
  package mutating func next(through bound: UInt64) -> UInt64 {
    guard bound > 0 else { return 0 }
    let mask = UInt64.max >> UInt64(bound.leadingZeroBitCount)
    while true {
      let low = UInt64(next())
      let draw = bound <= UInt64(UInt32.max) ? low : low << 32 | UInt64(next())
      if draw & mask <= bound { return draw & mask }
    }
  }

  /// Shuffles in place: Fisher–Yates from the last element down.
  package mutating func shuffle<T>(_ values: inout [T]) {
    for last in stride(from: values.count - 1, to: 0, by: -1) {
      values.swapAt(last, Int(next(through: UInt64(last))))
    }
  }

  private mutating func refill() {
    for index in 0..<Self.size {
      let following = state[(index + 1) % Self.size]
      let mixed = (state[index] & 0x8000_0000) | (following & 0x7FFF_FFFF)
      let twist: UInt32 = mixed & 1 == 0 ? 0 : 0x9908_B0DF
      state[index] = state[(index + Self.middle) % Self.size] ^ (mixed >> 1) ^ twist
    }
    position = 0
  }
}
