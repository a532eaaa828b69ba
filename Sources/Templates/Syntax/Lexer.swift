/// Cuts a template into text and the tokens of its tags, as Jinja's lexer does with `trim_blocks` and
/// `lstrip_blocks`: the newline behind a block tag goes, and so does the white space before one on its line.
/// `-` takes all white space of its side, `+` none.
struct Lexer {
  private(set) var source: [Unicode.Scalar] = []
  var position = 0
  var line = 1
  private var tokens: [Token] = []
  /// The closing brackets that are waited for. Inside brackets, `}}` and `%}` do not end a tag.
  private var brackets: [Unicode.Scalar] = []
  /// A newline came before `position`, or nothing did.
  private var startsLine = true

  private enum Sign { case none, minus, plus }

  static func tokens(of template: String) throws(TemplateFailure) -> [Token] {
    guard template.utf8.count <= Limits.source else {
      throw TemplateFailure(
        "got a template of \(template.utf8.count) bytes, expected at most \(Limits.source)")
    }
    var lexer = Lexer(template)
    try lexer.run()
    return lexer.tokens
  }

  /// Every kind of newline becomes `\n`; one at the end goes.
  private init(_ template: String) {
    source.reserveCapacity(template.utf8.count)
    var previous: Unicode.Scalar?
    for scalar in template.unicodeScalars {
      if scalar == "\r" {
        source.append("\n")
      } else if scalar != "\n" || previous != "\r" {
        source.append(scalar)
      }
      previous = scalar
    }
    if source.last == "\n" { source.removeLast() }
  }

  func failure(_ reason: String, line: Int? = nil) -> TemplateFailure {
    TemplateFailure(line: line ?? self.line, reason)
  }

  func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    position + offset < source.count ? source[position + offset] : nil
  }

  func isAt(_ text: StaticString, offset: Int = 0) -> Bool {
    var index = position + offset
    return text.withUTF8Buffer { bytes in
      for byte in bytes {
        guard index < source.count, source[index] == Unicode.Scalar(byte) else { return false }
        index += 1
      }
      return true
    }
  }

  mutating func advance(_ count: Int = 1) {
    for index in position..<position + count where source[index] == "\n" { line += 1 }
    position += count
    startsLine = source[position - 1] == "\n"
  }

  private mutating func skipSpace() {
    while let scalar = peek(), Text.isSpace(scalar) { advance() }
  }

  private mutating func emit(_ kind: Token.Kind, line: Int) {
    tokens.append(Token(kind: kind, line: line))
  }

  private mutating func run() throws(TemplateFailure) {
    while position < source.count {
      let start = position
      let (line, startsLine) = (line, startsLine)
      while position < source.count, !isAt("{{"), !isAt("{%"), !isAt("{#") { advance() }
      let end = position
      guard position < source.count else {
        return emitText(start..<end, .plus, isOutput: false, startsLine: startsLine, line: line)
      }
      let isOutput = isAt("{{")
      let isComment = isAt("{#")
      let tag = self.line
      advance(2)
      let sign = takeSign()
      emitText(start..<end, sign, isOutput: isOutput, startsLine: startsLine, line: line)
      if isComment {
        try skipComment(line: tag)
      } else if !isOutput, let length = rawTagLength() {
        try takeRaw(skipping: length, line: tag)
      } else {
        try takeTag(isOutput: isOutput, line: tag)
      }
    }
  }

  private mutating func takeSign() -> Sign {
    switch peek() {
    case "-": advance()
    case "+":
      advance()
      return .plus
    default: return .none
    }
    return .minus
  }

  /// The text before a tag, with what the tag strips off its end.
  private mutating func emitText(
    _ range: Range<Int>, _ sign: Sign, isOutput: Bool, startsLine: Bool, line: Int
  ) {
    var end = range.upperBound
    while sign != .plus, !(sign == .none && isOutput), end > range.lowerBound, Text.isSpace(source[end - 1]) {
      if sign == .none, source[end - 1] == "\n" { break }
      end -= 1
    }
    // White space between other text and the tag stays: the tag is not the first on its line.
    if sign == .none, end > range.lowerBound ? source[end - 1] != "\n" : !startsLine {
      end = range.upperBound
    }
    guard end > range.lowerBound else { return }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: source[range.lowerBound..<end])
    emit(.text(String(text)), line: line)
  }

  /// `-%}` with the space behind it, `+%}`, or `%}` with the newline behind it.
  private mutating func takeEnd(_ last: Unicode.Scalar) -> Bool {
    func closes(_ offset: Int) -> Bool { peek(offset) == last && peek(offset + 1) == "}" }
    if peek() == "-", closes(1) {
      advance(3)
      skipSpace()
    } else if peek() == "+", last != "}", closes(1) {
      advance(3)
    } else if closes(0) {
      advance(2)
      if last != "}", peek() == "\n" { advance() }
    } else {
      return false
    }
    return true
  }

  private mutating func skipComment(line: Int) throws(TemplateFailure) {
    while !takeEnd("#") {
      guard position < source.count else { throw failure("the comment is not closed with #}", line: line) }
      advance()
    }
  }

  private mutating func takeTag(isOutput: Bool, line: Int) throws(TemplateFailure) {
    emit(isOutput ? .outputBegin : .blockBegin, line: line)
    brackets = []
    while true {
      let start = self.line
      if brackets.isEmpty, takeEnd(isOutput ? "}" : "%") {
        return emit(isOutput ? .outputEnd : .blockEnd, line: start)
      }
      guard let scalar = peek() else {
        throw failure("the tag is not closed with \(isOutput ? "}}" : "%}")", line: line)
      }
      if Text.isSpace(scalar) {
        skipSpace()
      } else {
        let kind = try takeToken(scalar)
        if case .symbol(let symbol) = kind { try balance(symbol) }
        emit(kind, line: start)
      }
    }
  }

  private mutating func balance(_ symbol: Token.Symbol) throws(TemplateFailure) {
    switch symbol {
    case .openParenthesis: brackets.append(")")
    case .openBracket: brackets.append("]")
    case .openBrace: brackets.append("}")
    case .closeParenthesis, .closeBracket, .closeBrace:
      let expected = brackets.popLast()
      guard expected.map({ String($0) }) == symbol.rawValue else {
        throw failure("got \(symbol.rawValue), expected \(expected.map { String($0) } ?? "no bracket") here")
      }
    default: break
    }
  }
}

// MARK: Raw blocks

extension Lexer {
  /// What follows `{%` when the tag is `raw`: the length up to its end.
  private func rawTagLength() -> Int? {
    var offset = 0
    while let scalar = peek(offset), Text.isSpace(scalar) { offset += 1 }
    guard isAt("raw", offset: offset) else { return nil }
    offset += 3
    while let scalar = peek(offset), Text.isSpace(scalar) { offset += 1 }
    return isAt("%}", offset: offset) || isAt("-%}", offset: offset) ? offset : nil
  }

  private mutating func takeRaw(skipping length: Int, line: Int) throws(TemplateFailure) {
    advance(length)
    if isAt("-") {
      advance(3)
      skipSpace()
    } else {
      advance(2)
    }
    let (start, startLine, startsLine) = (position, self.line, startsLine)
    while position < source.count {
      guard isAt("{%") else {
        advance()
        continue
      }
      let end = position
      advance(2)
      let sign = takeSign()
      var after = self
      after.skipSpace()
      guard after.isAt("endraw") else { continue }
      after.advance(6)
      after.skipSpace()
      guard after.takeEnd("%") else { continue }
      self = after
      return emitText(start..<end, sign, isOutput: false, startsLine: startsLine, line: startLine)
    }
    throw failure("the raw block is not closed with endraw", line: line)
  }
}
