/// The 32-bit Mersenne Twister, C++'s `std::mt19937`.
///
/// Source: Matsumoto and Nishimura 1998.
struct MersenneTwister: Sendable {
  private static let size = 624
  private static let middle = 397

  private var state: [UInt32] = []
  private var position = size

  init(seed: UInt32) {
    state.reserveCapacity(Self.size)
    reset(seed: seed)
  }

  /// Begins again with another seed, in the storage it has.
  mutating func reset(seed: UInt32) {
    state.removeAll(keepingCapacity: true)
    var word = seed
    for index in 1...UInt32(Self.size) {
      state.append(word)
      word = 1_812_433_253 &* (word ^ (word >> 30)) &+ index
    }
    position = Self.size
  }

  /// The next 32 random bits.
  mutating func next() -> UInt32 {
    if position == Self.size { refill() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  private mutating func refill() {
    let (size, middle) = (Self.size, Self.middle)
    for index in 0..<size - middle { twist(index, index + 1, index + middle) }
    for index in size - middle..<size - 1 { twist(index, index + 1, index + middle - size) }
    twist(size - 1, 0, middle - 1)
    position = 0
  }

  private mutating func twist(_ index: Int, _ following: Int, _ distant: Int) {
    let mixed = (state[index] & 0x8000_0000) | (state[following] & 0x7FFF_FFFF)
    state[index] = state[distant] ^ (mixed >> 1) ^ (0x9908_B0DF & (0 &- (mixed & 1)))
  }
}

/// The 64-bit Mersenne Twister, C++'s `std::mt19937_64`.
///
/// Source: Nishimura 2000.
struct MersenneTwister64: Sendable {
  private static let size = 312
  private static let middle = 156

  private var state: [UInt64] = []
  private var position = size

  init(seed: UInt64) {
    state.reserveCapacity(Self.size)
    var word = seed
    for index in 1...UInt64(Self.size) {
      state.append(word)
      word = 6_364_136_223_846_793_005 &* (word ^ (word >> 62)) &+ index
    }
  }

  /// The next 64 random bits.
  mutating func next() -> UInt64 {
    if position == Self.size { refill() }
    var word = state[position]
    position += 1
    word ^= (word >> 29) & 0x5555_5555_5555_5555
    word ^= (word << 17) & 0x71D6_7FFF_EDA6_0000
    word ^= (word << 37) & 0xFFF7_EEE0_0000_0000
    return word ^ (word >> 43)
  }

  private mutating func refill() {
    for index in 0..<Self.size {
      let following = state[(index + 1) % Self.size]
      let mixed = (state[index] & 0xFFFF_FFFF_8000_0000) | (following & 0x7FFF_FFFF)
      let twist: UInt64 = mixed & 1 == 0 ? 0 : 0xB502_6F5A_A966_19E9
      state[index] = state[(index + Self.middle) % Self.size] ^ (mixed >> 1) ^ twist
    }
    position = 0
  }
}
