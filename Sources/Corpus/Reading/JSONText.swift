/// Finds the text of one JSON line without building the rest of it: a strict reader (RFC 8259) over valid
/// UTF-8 that keeps the value of one key.
struct JSONText {
  /// Where and why a line is not what it should be; `column` counts bytes from 1.
  struct Fault: Error, Equatable {
    let column: Int
    let reason: String
  }

  private let bytes: [UInt8]
  private let replacesLoneSurrogates: Bool
  private var position = 0
  private static let depthLimit = 512

  /// The string under `key` of the object in `bytes`, as UTF-8. The last of equal keys counts.
  static func extract(key: String, from bytes: [UInt8], replacingLoneSurrogates: Bool) throws(Fault)
    -> [UInt8]
  {
    var reader = JSONText(bytes: bytes, replacesLoneSurrogates: replacingLoneSurrogates)
    return try reader.readLine(key: Array(key.utf8), name: key)
  }

  private init(bytes: [UInt8], replacesLoneSurrogates: Bool) {
    self.bytes = bytes
    self.replacesLoneSurrogates = replacesLoneSurrogates
  }

  private mutating func readLine(key: [UInt8], name: String) throws(Fault) -> [UInt8] {
    skipSpace()
    guard peek == UInt8(ascii: "{") else { throw fault("expected a JSON object") }
    var found: [UInt8]?
    try readMembers { (reader, member) throws(Fault) in
      guard member == key else { return try reader.skipValue(depth: 1) }
      guard reader.peek == UInt8(ascii: "\"") else {
        throw reader.fault("expected the value of \"\(name)\" to be a string")
      }
      found = try reader.readString()
    }
    skipSpace()
    guard position == bytes.count else { throw fault("expected the line to end after the object") }
    guard let found else { throw Fault(column: 1, reason: "the object has no key \"\(name)\"") }
    return found
  }

  private mutating func skipValue(depth: Int) throws(Fault) {
    guard depth < Self.depthLimit else { throw fault("nested deeper than \(Self.depthLimit)") }
    switch peek {
    case UInt8(ascii: "\""): _ = try readString()
    case UInt8(ascii: "{"):
      try readMembers { (reader, _) throws(Fault) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try readList(closing: UInt8(ascii: "]")) { (reader) throws(Fault) in
        try reader.skipValue(depth: depth + 1)
      }
    case UInt8(ascii: "t"): try expect("true")
    case UInt8(ascii: "f"): try expect("false")
    case UInt8(ascii: "n"): try expect("null")
    default: try skipNumber()
    }
  }

  /// Reads an object, handing each key to `value`, which reads what follows the colon.
  private mutating func readMembers(_ value: (inout JSONText, [UInt8]) throws(Fault) -> Void) throws(Fault) {
    try readList(closing: UInt8(ascii: "}")) { (reader) throws(Fault) in
      guard reader.peek == UInt8(ascii: "\"") else { throw reader.fault("expected a key in quotes") }
      let key = try reader.readString()
      reader.skipSpace()
      try reader.expect(":")
      reader.skipSpace()
      try value(&reader, key)
    }
  }

  /// Reads from an opening bracket to `closing`, `element` by element between commas.
  private mutating func readList(closing: UInt8, _ element: (inout JSONText) throws(Fault) -> Void)
    throws(Fault)
  {
    position += 1
    skipSpace()
    if peek == closing {
      position += 1
      return
    }
    while true {
      skipSpace()
      try element(&self)
      skipSpace()
      if peek == closing {
        position += 1
        return
      }
      try expect(",")
    }
  }

  private mutating func skipNumber() throws(Fault) {
    if peek == UInt8(ascii: "-") { position += 1 }
    if peek == UInt8(ascii: "0") { position += 1 } else { try skipDigits("a value") }
    if peek == UInt8(ascii: ".") {
      position += 1
      try skipDigits("digits after the point")
    }
    if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
      position += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
      try skipDigits("digits of an exponent")
    }
  }

  private mutating func skipDigits(_ expected: String) throws(Fault) {
    let start = position
    while let byte = peek, byte &- 0x30 < 10 { position += 1 }
    guard position > start else { throw fault("expected \(expected)") }
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
  }

  private mutating func expect(_ word: String) throws(Fault) {
    for byte in word.utf8 {
      guard peek == byte else { throw fault("expected \(word)") }
      position += 1
    }
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func fault(_ reason: String) -> Fault {
    Fault(column: position + 1, reason: position == bytes.count ? "\(reason), the line ends" : reason)
  }
}

// MARK: - Strings

extension JSONText {
  /// Reads a string from its opening quote to past its closing one.
  private mutating func readString() throws(Fault) -> [UInt8] {
    position += 1
    var text: [UInt8] = []
    while true {
      let start = position
      while let byte = peek, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        position += 1
      }
      text.append(contentsOf: bytes[start..<position])
      switch peek {
      case UInt8(ascii: "\""):
        position += 1
        return text
      case UInt8(ascii: "\\"):
        position += 1
        try readEscape(into: &text)
      default: throw fault(peek == nil ? "expected a closing quote" : "control character in a string")
      }
    }
  }

  private mutating func readEscape(into text: inout [UInt8]) throws(Fault) {
    if let byte = peek, let plain = Self.plainEscape(byte) {
      position += 1
      text.append(plain)
    } else if peek == UInt8(ascii: "u") {
      text.append(contentsOf: String(try readScalar()).utf8)
    } else {
      throw fault("unknown escape in a string")
    }
  }

  private static func plainEscape(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    default: nil
    }
  }

  /// Reads `uXXXX`, or the two escapes of a surrogate pair.
  private mutating func readScalar() throws(Fault) -> Unicode.Scalar {
    let start = position
    let first = try readUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    let rest = position
    if first < 0xDC00, peek == UInt8(ascii: "\\"), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "u")
    {
      position += 1
      let second = try readUnit()
      if 0xDC00...0xDFFF ~= second,
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return scalar
      }
    }
    guard replacesLoneSurrogates else {
      position = start
      throw fault("half of a surrogate pair; replace what is invalid with --replace-invalid")
    }
    position = rest
    return "\u{FFFD}"
  }

  private mutating func readUnit() throws(Fault) -> UInt32 {
    position += 1
    var unit: UInt32 = 0
    for _ in 0..<4 {
      let digit: UInt8? =
        switch peek {
        case .some(let byte) where 0x30...0x39 ~= byte: byte - 0x30
        case .some(let byte) where 0x61...0x66 ~= byte | 0x20: (byte | 0x20) - 0x61 + 10
        default: nil
        }
      guard let digit else { throw fault("expected four hexadecimal digits") }
      unit = unit << 4 | UInt32(digit)
      position += 1
    }
    return unit
  }
}
