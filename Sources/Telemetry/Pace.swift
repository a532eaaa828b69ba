#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How fast work advances, smoothed: what was done lately counts more than what was done long ago.
///
///     rate = Σ wᵢ·countᵢ / Σ wᵢ·durationᵢ,  wᵢ halved every `halfLife`
package struct Pace: Sendable {
  private let halfLife: Double
  private var count = 0.0
  private var seconds = 0.0

  package init(halfLife: Duration = .seconds(15)) { self.halfLife = halfLife.seconds }

  /// Adds `count` units of work that took `duration`.
  package mutating func add(_ count: Int, in duration: Duration) {
    let elapsed = max(duration.seconds, 0)
    let keep = exp2(-elapsed / halfLife)
    self.count = self.count * keep + Double(count)
    seconds = seconds * keep + elapsed
  }

  /// Units a second; nil before any time has passed.
  package var rate: Double? { seconds > 0 ? count / seconds : nil }

  /// The time that `remaining` units will take; nil while nothing advances.
  package func time(for remaining: Int) -> Duration? {
    guard let rate, rate > 0 else { return nil }
    let seconds = Double(max(remaining, 0)) / rate
    return seconds < 1e10 ? .seconds(seconds) : nil
  }
}
