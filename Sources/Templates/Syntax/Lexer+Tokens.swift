/// Names, numbers, strings and symbols.
extension Lexer {
  mutating func takeToken(_ scalar: Unicode.Scalar) throws(TemplateFailure) -> Token.Kind {
    switch scalar {
    case "0"..."9": return try number()
    case "'", "\"": return .string(try string(quote: scalar))
    case "_": return try name()
    default: break
    }
    if scalar.properties.isXIDStart { return try name() }
    for symbol in Token.Symbol.allCases {
      var scalars = symbol.rawValue.unicodeScalars.makeIterator()
      guard let first = scalars.next(), first == scalar else { continue }
      let second = scalars.next()
      guard second == nil || second == peek(1) else { continue }
      advance(second == nil ? 1 : 2)
      return .symbol(symbol)
    }
    throw failure("unexpected character \(String(scalar).debugDescription) in a tag")
  }

  private mutating func name() throws(TemplateFailure) -> Token.Kind {
    let start = position
    var text = String.UnicodeScalarView()
    while let scalar = peek(), scalar.properties.isXIDContinue {
      text.append(scalar)
      advance()
    }
    guard position - start <= Limits.name else {
      throw failure("got a name of \(position - start) characters, expected at most \(Limits.name)")
    }
    return .name(String(text))
  }

  // MARK: Numbers

  /// Digits of `radix`, with a `_` between two of them where there is one.
  private mutating func digits(radix: Int = 10) -> String {
    func digit(_ offset: Int) -> Bool {
      guard let scalar = peek(offset), scalar.isASCII else { return false }
      return Character(scalar).hexDigitValue.map { $0 < radix } ?? false
    }
    var text = ""
    while digit(0) || (peek() == "_" && digit(1)) {
      if let scalar = peek(), scalar != "_" { text.unicodeScalars.append(scalar) }
      advance()
    }
    return text
  }

  private func isDigit(_ offset: Int) -> Bool {
    guard let scalar = peek(offset) else { return false }
    return "0"..."9" ~= scalar
  }

  private mutating func number() throws(TemplateFailure) -> Token.Kind {
    let afterDot = position > 0 && source[position - 1] == "."
    if peek() == "0", let mark = peek(1), let radix = Self.radix[mark] {
      advance(2)
      return try integer(digits(radix: radix), radix: radix)
    }
    var text = digits()
    // In `a.0.1`, the digits are two subscripts.
    if afterDot { return try integer(text) }
    var isWhole = true
    if peek() == ".", isDigit(1) {
      advance()
      text += "." + digits()
      isWhole = false
    }
    let sign = peek(1) == "+" || peek(1) == "-" ? 1 : 0
    if peek() == "e" || peek() == "E", isDigit(1 + sign) {
      text += "e" + (peek(1) == "-" ? "-" : "")
      advance(1 + sign)
      text += digits()
      isWhole = false
    }
    if isWhole { return try integer(text) }
    guard let value = Double(text) else { throw failure("got the number \(text), expected one in range") }
    return .number(value)
  }

  private static let radix: [Unicode.Scalar: Int] = ["x": 16, "X": 16, "o": 8, "O": 8, "b": 2, "B": 2]

  private func integer(_ text: String, radix: Int = 10) throws(TemplateFailure) -> Token.Kind {
    guard let value = Int(text, radix: radix) else {
      throw failure("got the number \(text.prefix(40)), expected an integer of 64 bits")
    }
    guard radix != 10 || text.first != "0" || value == 0 else {
      throw failure("got the number \(text.prefix(40)), expected no zero before an integer")
    }
    return .integer(value)
  }

  // MARK: Strings

  private mutating func string(quote: Unicode.Scalar) throws(TemplateFailure) -> String {
    let start = line
    var text = String.UnicodeScalarView()
    advance()
    while let scalar = peek() {
      advance()
      switch scalar {
      case quote: return String(text)
      case "\\": try escape(into: &text)
      default: text.append(scalar)
      }
    }
    throw failure("the string is not closed", line: start)
  }

  /// Python's escapes; what is none of them stays as it is written.
  private mutating func escape(into text: inout String.UnicodeScalarView) throws(TemplateFailure) {
    guard let scalar = peek() else { throw failure("the string is not closed") }
    switch scalar {
    case "0"..."7":
      var value: UInt32 = 0
      for _ in 0..<3 {
        guard let digit = peek(), "0"..."7" ~= digit else { break }
        value = value << 3 | (digit.value - 48)
        advance()
      }
      text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
      return
    case "x", "u", "U":
      advance()
      return text.append(try hexadecimal(scalar == "x" ? 2 : scalar == "u" ? 4 : 8))
    case "N": throw failure("characters by name, \\N{…}, are not supported; write the character itself")
    default: break
    }
    advance()
    if scalar == "\n" { return }
    if let meant = Self.escapes[scalar] { return text.append(meant) }
    text.append("\\")
    text.append(scalar)
  }

  private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
    "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r",
    "t": "\t", "v": "\u{B}",
  ]

  private mutating func hexadecimal(_ count: Int) throws(TemplateFailure) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let scalar = peek(), scalar.isASCII, let digit = Character(scalar).hexDigitValue else {
        throw failure("the escape in a string is not followed by \(count) hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      advance()
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw failure(
        "the escape in a string is not a character: U+\(String(value, radix: 16, uppercase: true))")
    }
    return scalar
  }
}
