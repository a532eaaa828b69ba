/// Reads JSON (RFC 8259) that anybody may have sent: valid UTF-8, no key twice in an object, numbers that are
/// finite, nesting of at most 64. Anything else is an error that names the byte.
struct JSONParser {
  struct Fault: Error, Equatable {
    let description: String
  }

  /// Deeper than any request is, and far less than a stack holds.
  static let deepest = 64

  private let bytes: [UInt8]
  private var position = 0

  static func parse(_ bytes: [UInt8]) throws(Fault) -> JSONValue {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Fault(description: "the body is not valid UTF-8")
    }
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value(depth: 1)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.fault("the end of the body") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func fault(_ expected: String) -> Fault {
    guard position < bytes.count else {
      return Fault(description: "the body is not valid JSON: it ends where \(expected) was expected")
    }
    let byte = "byte 0x" + String(bytes[position], radix: 16)
    return Fault(
      description: "the body is not valid JSON: got \(byte) at byte \(position), expected \(expected)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Fault) -> JSONValue {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Fault) -> JSONValue {
    for byte in String(describing: word).utf8 where !take(byte) { throw fault("\(word)") }
    return value
  }

  private mutating func enter(_ depth: Int) throws(Fault) {
    guard depth <= Self.deepest else {
      throw Fault(description: "the body is nested deeper than \(Self.deepest) levels")
    }
    position += 1
    skipSpace()
  }

  private mutating func object(depth: Int) throws(Fault) -> [JSONMember] {
    try enter(depth)
    var members: [JSONMember] = []
    if take(UInt8(ascii: "}")) { return members }
    var keys: Set<[UInt8]> = []
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("a key") }
      let key = try string()
      guard keys.insert(Array(key.utf8)).inserted else {
        throw Fault(description: "the key \(key.prefix(60).debugDescription) stands twice in one object")
      }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw fault("':'") }
      members.append(JSONMember(key, try value(depth: depth + 1)))
      skipSpace()
      if take(UInt8(ascii: "}")) { return members }
      guard take(UInt8(ascii: ",")) else { throw fault("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(Fault) -> [JSONValue] {
    try enter(depth)
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: "]")) { return elements }
      guard take(UInt8(ascii: ",")) else { throw fault("',' or ']'") }
    }
  }

  // MARK: Numbers

  private mutating func number() throws(Fault) -> JSONValue {
    let start = position
    let isNegative = take(UInt8(ascii: "-"))
    let first = next
    guard skipDigits() > 0 else { throw fault("a value") }
    let count = position - start - (isNegative ? 1 : 0)
    if first == UInt8(ascii: "0"), count > 1 {
      position = start
      throw fault("a number without leading zeros")
    }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      guard skipDigits() > 0 else { throw fault("a digit") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard skipDigits() > 0 else { throw fault("a digit") }
    }
    guard position - start <= 64 else {
      throw Fault(
        description: "the number at byte \(start) has \(position - start) characters, expected at most 64")
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw Fault(description: "the number at byte \(start) is too large")
    }
    return .number(value)
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    return position - start
  }

  // MARK: Strings

  private mutating func string() throws(Fault) -> String {
    position += 1
    let start = position
    while let byte = next, byte != 0x22, byte != 0x5C, byte >= 0x20 { position += 1 }
    if next == 0x22 {
      defer { position += 1 }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }
    var text = Array(bytes[start..<position])
    while let byte = next {
      switch byte {
      case 0x22:
        position += 1
        return String(decoding: text, as: UTF8.self)
      case 0x5C:
        position += 1
        try escape(into: &text)
      case 0..<0x20: throw fault("control characters of strings to be escaped")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw fault("the end of a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(Fault) {
    guard let byte = next else { throw fault("an escape") }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      return text.append(contentsOf: String(Character(try escapedScalar())).utf8)
    default: throw fault("an escape")
    }
    position += 1
  }

  /// `XXXX`, or `XXXX\uXXXX` that make one character; half a pair is a fault.
  private mutating func escapedScalar() throws(Fault) -> Unicode.Scalar {
    let start = position
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    if first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
      let second = try fourDigits()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    throw Fault(description: "the escape at byte \(start - 2) is half of a surrogate pair")
  }

  private mutating func fourDigits() throws(Fault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Self.hexadecimal(byte) else {
        throw fault("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
