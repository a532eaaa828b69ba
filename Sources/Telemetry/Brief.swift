/// Numbers as people read them at a glance.
package enum Brief {
  /// `value` with `digits` decimals: 3.1416.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-inf" : "inf" }
    let power = (0..<digits).reduce(1.0) { product, _ in product * 10 }
    let scaled = (value.magnitude * power).rounded()
    guard scaled < 1e18 else { return "\(value)" }
    let (whole, fraction) = Int(scaled).quotientAndRemainder(dividingBy: Int(power))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return digits == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(padded(fraction, digits))"
  }

  /// Three digits and a thousands' letter: 7, 3.42, 12.3k, 1.2M.
  package static func count(_ value: Double) -> String {
    guard value.isFinite else { return fixed(value, 0) }
    var rest = value
    for unit in ["", "k", "M", "B", "T"] {
      if rest.magnitude < 999.5 || unit == "T" {
        let digits = rest.magnitude >= 99.95 ? 0 : rest.magnitude >= 9.995 ? 1 : 2
        let isWhole = unit.isEmpty && rest == rest.rounded()
        return fixed(rest, isWhole ? 0 : digits) + unit
      }
      rest /= 1000
    }
    return "\(value)"
  }

  package static func count(_ value: Int) -> String { count(Double(value)) }

  /// 2.00e-04: for learning rates, whose magnitude matters.
  package static func scientific(_ value: Double, digits: Int = 2) -> String {
    guard value.isFinite, value != 0 else { return fixed(value, 0) }
    var exponent = 0
    var mantissa = value.magnitude
    while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    var text = fixed(mantissa, digits)
    if text.hasPrefix("10") { (text, exponent) = (fixed(1, digits), exponent + 1) }
    return "\(value < 0 ? "-" : "")\(text)e\(exponent < 0 ? "-" : "+")\(padded(abs(exponent), 2))"
  }

  /// 41.2%
  package static func percent(_ fraction: Double) -> String { fixed(fraction * 100, 1) + "%" }

  /// 0.4s, 42s, 1m42s, 2h05m, 3d04h.
  package static func duration(_ duration: Duration) -> String {
    let seconds = duration.seconds
    guard seconds >= 9.95 else { return fixed(max(seconds, 0), 1) + "s" }
    guard seconds < 1e9 else { return "ages" }
    let whole = Int(seconds.rounded())
    return switch whole {
    case ..<60: "\(whole)s"
    case ..<3600: "\(whole / 60)m\(padded(whole % 60, 2))s"
    case ..<86400: "\(whole / 3600)h\(padded(whole / 60 % 60, 2))m"
    default: "\(whole / 86400)d\(padded(whole / 3600 % 24, 2))h"
    }
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let digits = "\(value)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

/// A size in memory or on disk; reads as 1.5 GiB.
package struct Bytes: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let count: Int

  package init(_ count: Int) { self.count = count }

  package static func < (first: Bytes, second: Bytes) -> Bool { first.count < second.count }

  package var description: String {
    if count.magnitude < 1024 { return "\(count) B" }
    var value = Double(count)
    var unit = ""
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] where value.magnitude >= 1023.95 {
      value /= 1024
      unit = next
    }
    return "\(Brief.fixed(value, 1)) \(unit)"
  }
}
