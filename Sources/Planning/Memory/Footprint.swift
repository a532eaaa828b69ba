/// Buffers in use, by their size in bytes.
///
/// The pool gives a buffer to requests of its own size only, so what it reserves is `union` over time: the sum over
/// sizes of the most that each had. What that exceeds the most in use at a time is fragmentation.
struct Footprint: Equatable, Sendable {
  private(set) var counts: [Int: Int] = [:]

  init(_ counts: [Int: Int] = [:]) { self.counts = counts }

  var bytes: Int { counts.reduce(0) { $0 + $1.key * $1.value } }

  static func + (a: Footprint, b: Footprint) -> Footprint {
    Footprint(a.counts.merging(b.counts) { $0 + $1 })
  }

  /// What a has beyond b.
  static func - (a: Footprint, b: Footprint) -> Footprint {
    Footprint(
      a.counts.reduce(into: [:]) { rest, size in
        let count = size.value - b.counts[size.key, default: 0]
        if count > 0 { rest[size.key] = count }
      })
  }

  static func * (count: Int, a: Footprint) -> Footprint {
    count == 0 ? Footprint() : Footprint(a.counts.mapValues { $0 * count })
  }

  /// Of each size, the larger count.
  func union(_ other: Footprint) -> Footprint {
    Footprint(counts.merging(other.counts) { max($0, $1) })
  }
}
