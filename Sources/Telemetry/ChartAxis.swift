#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One axis of a chart: a range of values laid onto a range of the page, with ticks at round numbers.
struct ChartAxis {
  enum Scale: Sendable { case linear, logarithmic }

  let scale: Scale
  let low: Double
  let high: Double
  /// Where `low` and `high` stand on the page.
  let from: Double
  let to: Double

  /// An axis over `values`; a range of no width is widened, and a logarithmic one begins above zero.
  init(_ values: [Double], scale: Scale = .linear, from: Double, to: Double, margin: Double = 0) {
    let usable = values.filter { $0.isFinite && $0.magnitude < 1e300 && (scale == .linear || $0 > 0) }
    var low = usable.min() ?? (scale == .linear ? 0 : 1)
    var high = usable.max() ?? 1
    if scale == .linear {
      let space = (high - low) * margin
      (low, high) = (low - space, high + space)
      if !(high > low) { (low, high) = (low - max(abs(low) / 2, 0.5), high + max(abs(high) / 2, 0.5)) }
    } else if !(high > low) {
      high = low * 10
    }
    (self.scale, self.low, self.high, self.from, self.to) = (scale, low, high, from, to)
  }

  /// Where `value` stands on the page; nil where it has no place.
  func position(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    let share: Double
    switch scale {
    case .linear: share = (value - low) / (high - low)
    case .logarithmic:
      guard value > 0 else { return nil }
      share = log(value / low) / log(high / low)
    }
    return from + min(max(share, 0), 1) * (to - from)
  }

  /// About `count` round values: multiples of 1, 2 or 5 times a power of ten, or those themselves on a
  /// logarithmic axis.
  func ticks(about count: Int = 6) -> [Double] {
    scale == .linear ? linearTicks(count) : logarithmicTicks(count)
  }

  /// How a tick is written: decimals as the step needs, thousands shortened.
  func label(_ tick: Double) -> String {
    if max(abs(low), abs(high)) >= 10_000 { return tick == 0 ? "0" : Self.trimmed(Brief.count(tick)) }
    let step = Self.roundStep((high - low) / 6)
    let decimals = scale == .logarithmic || step >= 1 ? 0 : Int((-log10(step) + 1e-9).rounded(.up))
    return Brief.fixed(tick, min(decimals, 12))
  }

  private func linearTicks(_ count: Int) -> [Double] {
    let step = Self.roundStep((high - low) / Double(max(count, 1)))
    guard step > 0, step.isFinite else { return [] }
    let first = (low / step - 1e-9).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 100 else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  private func logarithmicTicks(_ count: Int) -> [Double] {
    let powers = (Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))).map { pow(10, Double($0)) }
    let fine = powers.flatMap { [$0, 2 * $0, 5 * $0] }.filter { $0 >= low && $0 <= high }
    let coarse = powers.filter { $0 >= low && $0 <= high }
    return fine.count <= count + 2 || coarse.count < 2 ? fine : coarse
  }

  /// The round number at or above `step`.
  static func roundStep(_ step: Double) -> Double {
    guard step > 0, step.isFinite else { return 0 }
    let power = pow(10, log10(step).rounded(.down))
    for factor in [1.0, 2, 5] where factor * power >= step * (1 - 1e-9) { return factor * power }
    return 10 * power
  }

  /// 20.0k as 20k.
  private static func trimmed(_ text: String) -> String {
    let letters = text.drop { !$0.isLetter }
    var digits = text.prefix { !$0.isLetter }
    if digits.contains(".") {
      while digits.last == "0" { digits.removeLast() }
      if digits.last == "." { digits.removeLast() }
    }
    return String(digits + letters)
  }
}
