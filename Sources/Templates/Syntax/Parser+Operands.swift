/// Operands and what stands behind them: attributes, subscripts, calls, filters, tests.
extension Parser {
  mutating func primary() throws(TemplateFailure) -> Expression {
    let line = current.line
    switch current.kind {
    case .name(let name):
      skip()
      if let constant = Self.constants[name] { return literal(constant, line: line) }
      return Expression(kind: .name(name), line: line, height: 1)
    case .string:
      var text = ""
      while case .string(let part) = current.kind {
        skip()
        text += part
      }
      return literal(.string(text), line: line)
    case .integer(let value):
      skip()
      return literal(.integer(value), line: line)
    case .number(let value):
      skip()
      return literal(.number(value), line: line)
    case .symbol(.openParenthesis):
      skip()
      let inner = try tuple(inBrackets: true)
      try expect(.closeParenthesis)
      return inner
    case .symbol(.openBracket): return try list()
    case .symbol(.openBrace): return try mapping()
    default: throw unexpected("an expression")
    }
  }

  private mutating func list() throws(TemplateFailure) -> Expression {
    let line = current.line
    skip()
    var parts: [Expression] = []
    while !take(.closeBracket) {
      parts.append(try expression())
      if !isAt(.closeBracket) { try expect(.comma) }
    }
    return try node(.list(parts), line: line, over: parts)
  }

  private mutating func mapping() throws(TemplateFailure) -> Expression {
    let line = current.line
    skip()
    var entries: [(key: Expression, value: Expression)] = []
    while !take(.closeBrace) {
      let key = try expression()
      try expect(.colon)
      entries.append((key, try expression()))
      if !isAt(.closeBrace) { try expect(.comma) }
    }
    return try node(.mapping(entries), line: line, over: entries.flatMap { [$0.key, $0.value] })
  }

  // MARK: Behind an operand

  mutating func postfixes(of operand: Expression) throws(TemplateFailure) -> Expression {
    var result = operand
    while true {
      switch current.kind {
      case .symbol(.dot): result = try attribute(of: result)
      case .symbol(.openBracket): result = try subscription(of: result)
      case .symbol(.openParenthesis): result = try call(of: result)
      default: return result
      }
    }
  }

  mutating func filtersAndTests(of operand: Expression) throws(TemplateFailure) -> Expression {
    var result = operand
    while true {
      switch current.kind {
      case .symbol(.pipe): result = try filters(of: result)
      case .name("is"): result = try test(of: result)
      case .symbol(.openParenthesis): result = try call(of: result)
      default: return result
      }
    }
  }

  private mutating func attribute(of operand: Expression) throws(TemplateFailure) -> Expression {
    let line = current.line
    skip()
    switch current.kind {
    case .name(let name):
      skip()
      return try node(.attribute(operand, name), line: line, over: [operand])
    case .integer(let value):
      skip()
      return try node(.element(operand, literal(.integer(value), line: line)), line: line, over: [operand])
    default: throw unexpected("a name or a number")
    }
  }

  private mutating func subscription(of operand: Expression) throws(TemplateFailure) -> Expression {
    let line = current.line
    skip()
    var start: Expression?
    if !isAt(.colon) {
      let index = try tuple()
      guard isAt(.colon) else {
        try expect(.closeBracket)
        return try node(.element(operand, index), line: line, over: [operand, index])
      }
      start = index
    }
    skip()
    let stop = isAt(.colon) || isAt(.closeBracket) ? nil : try expression()
    let step = take(.colon) && !isAt(.closeBracket) ? try expression() : nil
    try expect(.closeBracket)
    let slice = Expression.Slice(start: start, stop: stop, step: step)
    return try node(
      .slice(operand, slice), line: line, over: [operand] + [start, stop, step].compactMap(\.self))
  }

  private mutating func call(of operand: Expression) throws(TemplateFailure) -> Expression {
    let line = current.line
    let arguments = try arguments()
    return try node(.call(operand, arguments), line: line, over: [operand] + arguments.all)
  }

  private mutating func arguments() throws(TemplateFailure) -> Expression.Arguments {
    try expect(.openParenthesis)
    var arguments = Expression.Arguments()
    while !take(.closeParenthesis) {
      if isAt(.times) || isAt(.power) {
        throw failure("arguments with * and ** are not supported; write them out")
      }
      if case .name(let name) = current.kind, next.kind == .symbol(.assign) {
        skip()
        skip()
        guard !arguments.named.contains(where: { $0.name == name }) else {
          throw failure("the argument \(name) is given twice")
        }
        arguments.named.append((name, try expression()))
      } else if arguments.named.isEmpty {
        arguments.positional.append(try expression())
      } else {
        throw failure("an argument without a name stands behind one with")
      }
      if !isAt(.closeParenthesis) { try expect(.comma) }
      guard arguments.positional.count + arguments.named.count <= Limits.arguments else {
        throw failure("a call has more than \(Limits.arguments) arguments")
      }
    }
    return arguments
  }

  mutating func filters(of operand: Expression) throws(TemplateFailure) -> Expression {
    var result = operand
    while take(.pipe) {
      let line = current.line
      let name = try expectName()
      let arguments = isAt(.openParenthesis) ? try arguments() : .init()
      result = try node(.filter(result, name, arguments), line: line, over: [result] + arguments.all)
    }
    return result
  }

  private mutating func test(of operand: Expression) throws(TemplateFailure) -> Expression {
    let line = current.line
    skip()
    let isNegated = take(word: "not")
    let name = try expectName()
    let arguments = try testArguments()
    let result = try node(.test(operand, name, arguments), line: line, over: [operand] + arguments.all)
    return isNegated ? try node(.not(result), line: line, over: [result]) : result
  }

  /// In brackets, or one operand without: `x is divisibleby 3`.
  private mutating func testArguments() throws(TemplateFailure) -> Expression.Arguments {
    switch current.kind {
    case .symbol(.openParenthesis): return try arguments()
    case .name("else"), .name("or"), .name("and"): return .init()
    case .name("is"): throw failure("two tests stand behind one another; write them with and")
    case .name, .string, .integer, .number, .symbol(.openBracket), .symbol(.openBrace):
      return .init(positional: [try postfixes(of: try primary())])
    default: return .init()
    }
  }
}
