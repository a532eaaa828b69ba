extension TemplateValue {
  /// Reads JSON (RFC 8259), keys in their order. What Python's `json` would give a template; but an integer
  /// beyond 64 bits is a fraction, and half of a surrogate pair is U+FFFD.
  ///
  /// - Parameter source: the name of the file, for messages.
  package init(json: [UInt8], source: String) throws(TemplateFailure) {
    var reader = JSONReader(json, source: source)
    self = try reader.document()
  }
}

private struct JSONReader {
  private let bytes: [UInt8]
  private let source: String
  private var position = 0

  /// Fewer than `Limits.valueDepth`, for a value is given inside of others.
  private static let deepest = 64

  init(_ bytes: [UInt8], source: String) {
    self.bytes = bytes
    self.source = source
  }

  mutating func document() throws(TemplateFailure) -> TemplateValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw unexpected("the end") }
    return value
  }

  private func failure(_ reason: String) -> TemplateFailure {
    let line = bytes.prefix(position).reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    return TemplateFailure(source: source, line: line, reason)
  }

  private func unexpected(_ expected: String) -> TemplateFailure {
    let got = position < bytes.count ? "byte 0x" + String(bytes[position], radix: 16) : "the end"
    return failure("not valid JSON: got \(got), expected \(expected)")
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(TemplateFailure) -> TemplateValue {
    guard depth < Self.deepest else {
      throw failure("more than \(Self.deepest) lists and objects in one another")
    }
    skipSpace()
    guard position < bytes.count else { throw unexpected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .mapping(try object(depth: depth))
    case UInt8(ascii: "["): return .list(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .none)
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: TemplateValue) throws(TemplateFailure) -> TemplateValue
  {
    guard bytes[position...].starts(with: word.utf8) else { throw unexpected(word) }
    position += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(TemplateFailure) -> TemplateMapping {
    position += 1
    var mapping = TemplateMapping()
    if take(UInt8(ascii: "}")) { return mapping }
    while true {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw unexpected("a key") }
      let key = try string()
      guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
      mapping.append(key, try value(depth: depth + 1))
      if take(UInt8(ascii: "}")) { return mapping }
      guard take(UInt8(ascii: ",")) else { throw unexpected("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(TemplateFailure) -> [TemplateValue] {
    position += 1
    var elements: [TemplateValue] = []
    if take(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      if take(UInt8(ascii: "]")) { return elements }
      guard take(UInt8(ascii: ",")) else { throw unexpected("',' or ']'") }
    }
  }

  // MARK: Numbers

  private mutating func digits() throws(TemplateFailure) -> Int {
    let start = position
    while position < bytes.count, 48...57 ~= bytes[position] { position += 1 }
    guard position > start else { throw unexpected("a digit") }
    return position - start
  }

  private mutating func takes(_ choices: String) -> Bool {
    guard position < bytes.count, choices.utf8.contains(bytes[position]) else { return false }
    position += 1
    return true
  }

  private mutating func number() throws(TemplateFailure) -> TemplateValue {
    let start = position
    var isWhole = true
    guard takes("-") || 48...57 ~= bytes[position] else { throw unexpected("a value") }
    let startsWithZero = position < bytes.count && bytes[position] == 48
    guard try digits() == 1 || !startsWithZero else {
      throw failure("not valid JSON: got a number with a zero before")
    }
    if takes(".") {
      _ = try digits()
      isWhole = false
    }
    if takes("eE") {
      _ = takes("+-")
      _ = try digits()
      isWhole = false
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(text) { return .integer(value) }
    // An integer beyond 64 bits too, as transformers writes for "no limit".
    guard let value = Double(text), value.isFinite else {
      throw failure("got the number \(text.prefix(40)), expected a finite one")
    }
    return .number(value)
  }

  // MARK: Strings

  private mutating func string() throws(TemplateFailure) -> String {
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case 0x22: return String(decoding: text, as: UTF8.self)
      case 0x5C: try escape(into: &text)
      case 0..<0x20:
        position -= 1
        throw unexpected("an escape in its place")
      default: text.append(byte)
      }
    }
    throw unexpected("the end of a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(TemplateFailure) {
    guard position < bytes.count else { throw unexpected("an escape") }
    switch bytes[position] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[position])
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      return text.append(contentsOf: String(try escapedScalar()).utf8)
    default: throw unexpected("an escape")
    }
    position += 1
  }

  /// Four digits, or two times `\uXXXX` that make one character.
  private mutating func escapedScalar() throws(TemplateFailure) -> Unicode.Scalar {
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let afterFirst = position
    guard first < 0xDC00, bytes[position...].starts(with: "\\u".utf8) else { return "\u{FFFD}" }
    position += 2
    let second = try fourDigits()
    guard 0xDC00..<0xE000 ~= second,
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else {
      position = afterFirst
      return "\u{FFFD}"
    }
    return scalar
  }

  private mutating func fourDigits() throws(TemplateFailure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw unexpected("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
