/// Reads JSON (RFC 8259) from bytes; anything else is an error that names the byte.
struct JSONReader {
  private let bytes: [UInt8]
  private let source: String
  private var position = 0

  /// Deeper nesting than any tokenizer's file has, and far less than a stack holds.
  private static let deepest = 64

  private init(_ bytes: [UInt8], source: String) {
    self.bytes = bytes
    self.source = source
  }

  static func read(_ bytes: [UInt8], source: String) throws(TokenizerFailure) -> JSONValue {
    var reader = JSONReader(bytes, source: source)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == bytes.count else { throw reader.failure("the end of the file") }
    return value
  }

  private func failure(_ expected: String) -> TokenizerFailure {
    let got = position < bytes.count ? "byte 0x" + String(bytes[position], radix: 16) : "the end of the file"
    return TokenizerFailure(
      source, "not valid JSON: got \(got) at byte \(position), expected \(expected); the file is damaged")
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(TokenizerFailure) -> JSONValue {
    guard depth < Self.deepest else { throw failure("at most \(Self.deepest) levels of nesting") }
    skipSpace()
    guard position < bytes.count else { throw failure("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(TokenizerFailure) -> JSONValue {
    for byte in word.utf8 {
      guard position < bytes.count, bytes[position] == byte else { throw failure(word) }
      position += 1
    }
    return value
  }

  private mutating func object(depth: Int) throws(TokenizerFailure) -> JSONValue {
    position += 1
    var members: [(key: [UInt8], value: JSONValue)] = []
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw failure("a key") }
      let key = try string()
      guard take(UInt8(ascii: ":")) else { throw failure("':'") }
      members.append((key, try value(depth: depth + 1)))
      if take(UInt8(ascii: "}")) { return .object(members) }
      guard take(UInt8(ascii: ",")) else { throw failure("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(TokenizerFailure) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      if take(UInt8(ascii: "]")) { return .array(elements) }
      guard take(UInt8(ascii: ",")) else { throw failure("',' or ']'") }
    }
  }

  private mutating func number() throws(TokenizerFailure) -> JSONValue {
    let start = position
    var text = ""
    while position < bytes.count {
      switch bytes[position] {
      case 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
        UInt8(ascii: "E"):
        text.unicodeScalars.append(Unicode.Scalar(bytes[position]))
        position += 1
      default: return try parsed(text, from: start)
      }
    }
    return try parsed(text, from: start)
  }

  private mutating func parsed(_ text: String, from start: Int) throws(TokenizerFailure) -> JSONValue {
    if let value = Int(text) { return .number(Double(value)) }
    guard let value = Double(text), value.isFinite, text.first != ".", text.first != "+" else {
      position = start
      throw failure("a value")
    }
    return .number(value)
  }

  private mutating func string() throws(TokenizerFailure) -> [UInt8] {
    position += 1
    let start = position
    while position < bytes.count, bytes[position] != 0x22, bytes[position] != 0x5C { position += 1 }
    var text: [UInt8] = []
    text.reserveCapacity(position - start)
    for index in start..<position { text.append(bytes[index]) }
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case 0x22: return text
      case 0x5C: try escape(into: &text)
      default: text.append(byte)
      }
    }
    throw failure("the end of a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(TokenizerFailure) {
    guard position < bytes.count else { throw failure("an escape") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: String(try escapedScalar()).utf8)
    default:
      position -= 1
      throw failure("an escape")
    }
  }

  /// `\uXXXX`, or two that make one character; half a pair is U+FFFD.
  private mutating func escapedScalar() throws(TokenizerFailure) -> Unicode.Scalar {
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let afterFirst = position
    guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { return "\u{FFFD}" }
    position += 2
    let second = try fourDigits()
    guard second >= 0xDC00, second < 0xE000,
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else {
      position = afterFirst
      return "\u{FFFD}"
    }
    return scalar
  }

  private mutating func fourDigits() throws(TokenizerFailure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw failure("four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
