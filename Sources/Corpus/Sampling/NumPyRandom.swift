/// NumPy's legacy random stream, `numpy.random.RandomState(seed)`: what is drawn from the 32-bit Mersenne
/// Twister. Megatron orders and masks its data with it, so the same seed must give the same numbers.
///
/// Source: NumPy's `random_interval`, `legacy_double`, `shuffle` and `choice`.
package struct NumPyRandom: Sendable {
  private var generator: MersenneTwister

  package init(seed: UInt32) { generator = MersenneTwister(seed: seed) }

  /// Begins again with another seed, in the storage it has.
  package mutating func reset(seed: UInt32) { generator.reset(seed: seed) }

  /// The next 32 random bits.
  package mutating func next() -> UInt32 { generator.next() }

  /// A uniform integer of `0...bound`: the bits under the smallest covering mask, drawn until they fit.
  /// `randint(low, high)` is `low + next(through: high − low − 1)`.
  package mutating func next(through bound: UInt64) -> UInt64 {
    guard bound > 0 else { return 0 }
    let mask = UInt64.max >> UInt64(bound.leadingZeroBitCount)
    while true {
      let low = UInt64(next())
      let draw = bound <= UInt64(UInt32.max) ? low : low << 32 | UInt64(next())
      if draw & mask <= bound { return draw & mask }
    }
  }

  /// `random()`: uniform in [0, 1) with 53 bits.
  package mutating func nextFraction() -> Double {
    let (high, low) = (Double(next() >> 5), Double(next() >> 6))
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /// `choice(p=p)`: an index drawn by weight, given the running sums that `cumulative(_:)` makes.
  package mutating func nextIndex(cumulative: [Double]) -> Int {
    let fraction = nextFraction()
    return cumulative.firstIndex { $0 > fraction } ?? cumulative.count - 1
  }

  /// Running sums of weights, normalised as `choice` does it.
  static func cumulative(_ weights: Weights) -> [Double] {
    var sum = 0.0
    let sums = weights.normalized.values.map { weight in
      sum += weight
      return sum
    }
    return sums.map { $0 / sum }
  }

  /// Shuffles in place: Fisher–Yates from the last element down.
  package mutating func shuffle<T>(_ values: inout [T]) {
    for last in stride(from: values.count - 1, to: 0, by: -1) {
      values.swapAt(last, Int(next(through: UInt64(last))))
    }
  }
}
