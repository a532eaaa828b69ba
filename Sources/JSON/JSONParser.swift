/// Reads JSON (RFC 8259), whoever wrote it, in time that grows with its length: valid UTF-8, numbers that are finite,
/// nesting of at most 64. Anything else is a fault that says where.
package struct JSONParser {
  /// What readers may differ in.
  package struct Options: Sendable {
    /// Takes a byte order mark in front.
    package var allowsByteOrderMark = false
    /// Reads half of a surrogate pair, such as `\ud800`, as U+FFFD.
    package var replacesLoneSurrogates = false
    /// Takes an object that has a key twice, and keeps both.
    package var allowsRepeatedKeys = false

    package static let strict = Options()
    /// For files that every other program reads.
    package static let lenient = Options(
      allowsByteOrderMark: true, replacesLoneSurrogates: true, allowsRepeatedKeys: true)
  }

  /// Deeper than any file or request is, and far less than a stack holds.
  package static let deepest = 64
  private static let longestNumber = 64

  let bytes: [UInt8]
  let options: Options
  var position = 0

  package static func parse(_ bytes: [UInt8], _ options: Options = .strict) throws(Fault) -> JSONValue {
    var parser = JSONParser(bytes: bytes, options: options)
    try parser.checkEncoding()
    if options.allowsByteOrderMark, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
    let value = try parser.value(depth: 1)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.fault("the end") }
    return value
  }

  private init(bytes: [UInt8], options: Options) {
    self.bytes = bytes
    self.options = options
  }

  private func checkEncoding() throws(Fault) {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw fault("valid UTF-8", got: "bytes that are not UTF-8", at: error.byteOffsets.lowerBound)
    }
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  mutating func take(_ byte: UInt8) -> Bool {
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

  private mutating func word(_ word: String, _ value: JSONValue) throws(Fault) -> JSONValue {
    for byte in word.utf8 where !take(byte) { throw fault(word) }
    return value
  }

  /// Passes the bracket that opens an object or an array.
  private mutating func enter(_ depth: Int) throws(Fault) {
    guard depth <= Self.deepest else {
      throw fault("at most \(Self.deepest) levels of nesting", got: "one more level")
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
      let start = position
      guard next == UInt8(ascii: "\"") else { throw fault("a key") }
      let key = try string()
      guard options.allowsRepeatedKeys || keys.insert(Array(key.utf8)).inserted else {
        throw fault("each key once", got: "\(JSONValue.string(key).brief) twice in an object", at: start)
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
    guard skipDigits() > 0 else { throw noNumber }
    if first == UInt8(ascii: "0"), position - start > (isNegative ? 2 : 1) {
      throw fault("a number without leading zeros", at: start)
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
    guard position - start <= Self.longestNumber else {
      throw fault(
        "at most \(Self.longestNumber)", got: "a number of \(position - start) characters", at: start)
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw fault("a finite one", got: "the number \(text)", at: start)
    }
    return .number(value)
  }

  /// Python writes words for numbers that JSON does not have.
  private var noNumber: Fault {
    guard let word = ["NaN", "Infinity"].first(where: { bytes[position...].starts(with: $0.utf8) }) else {
      return fault("a value")
    }
    return fault("a finite one, for JSON has no other", got: "\(word) for a number")
  }

  private mutating func skipDigits() -> Int {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    return position - start
  }
}
