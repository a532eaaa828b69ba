/// Numbers as Python writes and reads them.
enum NumberText {
  /// The shortest digits that give the number back; with an exponent below 1e-4 and from 1e16 on.
  static func text(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    let (digits, exponent) = decimal(value.magnitude)
    return (value < 0 ? "-" : "") + written(digits, exponent)
  }

  /// `0.digits × 10^exponent` of a positive number, without zeros at either end.
  private static func decimal(_ value: Double) -> (digits: String, exponent: Int) {
    let parts = "\(value)".split(separator: "e")
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let halves = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    exponent += halves[0].count
    var digits = halves.joined()[...]
    while digits.first == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.last == "0" { digits.removeLast() }
    return (String(digits), exponent)
  }

  private static func written(_ digits: String, _ exponent: Int) -> String {
    func zeros(_ count: Int) -> String { String(repeating: "0", count: max(0, count)) }
    switch exponent {
    case -3...0: return "0." + zeros(-exponent) + digits
    case 1...16:
      let whole = digits.prefix(exponent) + zeros(exponent - digits.count)
      let rest = digits.dropFirst(exponent)
      return whole + "." + (rest.isEmpty ? "0" : rest)
    default:
      let rest = digits.dropFirst()
      let power = exponent - 1
      let magnitude = String(power.magnitude)
      return digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e" + (power < 0 ? "-" : "+")
        + zeros(2 - magnitude.count) + magnitude
    }
  }

  /// Lower case, without white space around and `_` between digits; nil where one stands elsewhere.
  private static func bare(_ text: String) -> [UInt8]? {
    let text = Array(Text.strip(text, .both, Text.isSpace).utf8)
    guard text.first != underscore, text.last != underscore else { return nil }
    var bare: [UInt8] = []
    for (index, byte) in text.enumerated() {
      if byte == underscore {
        guard isDigit(text[index - 1] | 0x20, 36), isDigit(text[index + 1] | 0x20, 36) else { return nil }
      } else {
        bare.append(65...90 ~= byte ? byte | 0x20 : byte)
      }
    }
    return bare
  }

  private static let underscore = UInt8(ascii: "_")

  private static func isDigit(_ byte: UInt8, _ radix: Int) -> Bool {
    switch byte {
    case 48...57: byte - 48 < radix
    case 97...122: byte - 87 < radix
    default: false
    }
  }

  /// What Python's `float` makes of a text; nil where it raises.
  static func number(_ text: String) -> Double? {
    guard var digits = bare(text)?[...] else { return nil }
    let sign = digits.first == UInt8(ascii: "-") ? "-" : ""
    if let first = digits.first, "+-".utf8.contains(first) { digits.removeFirst() }
    let word = String(decoding: digits, as: UTF8.self)
    if ["inf", "infinity", "nan"].contains(word) { return Double(sign + word) }
    let parts = digits.split(separator: UInt8(ascii: "e"), maxSplits: 1, omittingEmptySubsequences: false)
    let halves = parts[0].split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.contains(where: { !$0.isEmpty }), halves.joined().allSatisfy({ isDigit($0, 10) }),
      let exponent = parts.count > 1 ? Int(String(decoding: parts[1], as: UTF8.self)) : 0
    else { return nil }
    // Swift reads neither "1." nor ".5".
    let whole = String(decoding: halves[0], as: UTF8.self)
    let fraction = halves.count > 1 ? String(decoding: halves[1], as: UTF8.self) : ""
    return Double("\(sign)0\(whole).\(fraction)0e\(exponent)")
  }

  enum Whole: Equatable {
    case value(Int)
    case tooLarge
    case malformed
  }

  /// What Python's `int` makes of a text.
  static func integer(_ text: String, radix: Int) -> Whole {
    guard var digits = bare(text)?[...], 2...36 ~= radix else { return .malformed }
    let sign = digits.first == UInt8(ascii: "-") ? "-" : ""
    if let first = digits.first, "+-".utf8.contains(first) { digits.removeFirst() }
    if let prefix = [16: "0x", 8: "0o", 2: "0b"][radix], digits.starts(with: prefix.utf8) {
      digits.removeFirst(2)
    }
    guard !digits.isEmpty, digits.allSatisfy({ isDigit($0, radix) }) else { return .malformed }
    return Int(sign + String(decoding: digits, as: UTF8.self), radix: radix).map { .value($0) } ?? .tooLarge
  }
}
