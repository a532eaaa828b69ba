/// The key of a stream of random numbers, made from a seed by naming what it is for.
///
/// Streams are counter-based: what is drawn depends on the key and the element's index alone, so a replay, a
/// resumed run and another mesh draw the same numbers.
package struct RandomKey: Equatable, Sendable {
  package let value: UInt64

  package init(seed: UInt64) { value = Self.mix(seed &+ Self.step) }

  private init(value: UInt64) { self.value = value }

  /// The key of a part numbered `index`: a step, a layer, a draw. It is output `index` of SplitMix64
  /// (Steele et al. 2014) started at this key.
  package func at(_ index: Int) -> RandomKey {
    RandomKey(value: Self.mix(value &+ Self.step &* (UInt64(bitPattern: Int64(index)) &+ 1)))
  }

  /// The key of a part named `name` (FNV-1a of its UTF-8).
  package func at(_ name: String) -> RandomKey {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return at(Int(Int64(bitPattern: hash)))
  }

  /// SplitMix64's increment, 2⁶⁴ over the golden ratio.
  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// SplitMix64's finaliser: every input bit reaches every output bit.
  private static func mix(_ x: UInt64) -> UInt64 {
    var z = x
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
