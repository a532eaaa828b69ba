extension JSONParser {
  /// The string whose quotation mark is next.
  mutating func string() throws(Fault) -> String {
    position += 1
    let start = position
    skipPlain()
    if next == UInt8(ascii: "\"") {
      defer { position += 1 }
      return String(decoding: bytes[start..<position], as: UTF8.self)
    }
    var text = Array(bytes[start..<position])
    while let byte = next {
      if take(UInt8(ascii: "\"")) { return String(decoding: text, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else { throw fault("control characters of strings to be escaped") }
      position += 1
      try escape(into: &text)
      let plain = position
      skipPlain()
      text.append(contentsOf: bytes[plain..<position])
    }
    throw fault("the end of a string")
  }

  /// To the quotation mark, the escape or the control character that comes next.
  private mutating func skipPlain() {
    while let byte = next, byte != 0x22, byte != 0x5C, byte >= 0x20 { position += 1 }
  }

  private mutating func escape(into text: inout [UInt8]) throws(Fault) {
    switch next {
    case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      return text.append(contentsOf: UTF8.encode(try escapedScalar()) ?? .init())
    default: throw fault("an escape")
    }
    position += 1
  }

  /// `XXXX`, or `XXXX\uXXXX` that make one character.
  private mutating func escapedScalar() throws(Fault) -> Unicode.Scalar {
    let start = position - 2
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let end = position
    if first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
      let second = try fourDigits()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    guard options.replacesLoneSurrogates else {
      throw fault("both halves", got: "half of a surrogate pair", at: start)
    }
    position = end
    return "\u{FFFD}"
  }

  private mutating func fourDigits() throws(Fault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = next.flatMap(Self.hexadecimal) else { throw fault("four hexadecimal digits") }
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
