/// From what binds loosest to what binds closest. Operators of one kind bind to the left.
extension Parser {
  /// An expression, or some with commas between: a tuple without brackets.
  mutating func tuple(
    allowsConditional: Bool = true, inBrackets: Bool = false, endsAt word: String? = nil
  ) throws(TemplateFailure) -> Expression {
    let line = current.line
    var parts: [Expression] = []
    while !isTupleEnd(word) {
      parts.append(try allowsConditional ? expression() : plainExpression())
      if !isAt(.comma), parts.count == 1 { return parts[0] }
      if !take(.comma) { break }
    }
    guard !parts.isEmpty || inBrackets else { throw unexpected("an expression") }
    return try node(.tuple(parts), line: line, over: parts)
  }

  private func isTupleEnd(_ word: String?) -> Bool {
    switch current.kind {
    case .outputEnd, .blockEnd, .symbol(.closeParenthesis): true
    case .name(let name): name == word
    default: false
    }
  }

  /// With `then if condition else otherwise`.
  mutating func expression() throws(TemplateFailure) -> Expression {
    try enter()
    defer { leave() }
    var result = try disjunction()
    while isAt(word: "if") {
      let line = current.line
      skip()
      let condition = try disjunction()
      let otherwise = take(word: "else") ? try expression() : nil
      result = try node(
        .conditional(condition, then: result, otherwise: otherwise), line: line,
        over: [result, condition] + (otherwise.map { [$0] } ?? []))
    }
    return result
  }

  /// Without, as behind `if` and `in`, where an `if` says something else.
  private mutating func plainExpression() throws(TemplateFailure) -> Expression {
    try enter()
    defer { leave() }
    return try disjunction()
  }

  private mutating func disjunction() throws(TemplateFailure) -> Expression {
    var left = try conjunction()
    while isAt(word: "or") {
      let line = current.line
      skip()
      let right = try conjunction()
      left = try node(.or(left, right), line: line, over: [left, right])
    }
    return left
  }

  private mutating func conjunction() throws(TemplateFailure) -> Expression {
    var left = try negation()
    while isAt(word: "and") {
      let line = current.line
      skip()
      let right = try negation()
      left = try node(.and(left, right), line: line, over: [left, right])
    }
    return left
  }

  private mutating func negation() throws(TemplateFailure) -> Expression {
    let line = current.line
    guard take(word: "not") else { return try comparison() }
    try enter()
    defer { leave() }
    let operand = try negation()
    return try node(.not(operand), line: line, over: [operand])
  }

  private mutating func comparison() throws(TemplateFailure) -> Expression {
    let line = current.line
    let first = try sum()
    var rest: [(Expression.Comparison, Expression)] = []
    while let comparison = takeComparison() { rest.append((comparison, try sum())) }
    guard !rest.isEmpty else { return first }
    return try node(.comparison(first, rest), line: line, over: [first] + rest.map(\.1))
  }

  private mutating func takeComparison() -> Expression.Comparison? {
    let comparison: Expression.Comparison
    switch current.kind {
    case .symbol(.equal): comparison = .equal
    case .symbol(.notEqual): comparison = .notEqual
    case .symbol(.less): comparison = .less
    case .symbol(.atMost): comparison = .atMost
    case .symbol(.greater): comparison = .greater
    case .symbol(.atLeast): comparison = .atLeast
    case .name("in"): comparison = .in
    case .name("not") where next.kind == .name("in"):
      comparison = .notIn
      skip()
    default: return nil
    }
    skip()
    return comparison
  }

  private mutating func sum() throws(TemplateFailure) -> Expression {
    var left = try concatenation()
    while isAt(.plus) || isAt(.minus) {
      let line = current.line
      let operation: Expression.Arithmetic = isAt(.plus) ? .add : .subtract
      skip()
      let right = try concatenation()
      left = try node(.arithmetic(left, operation, right), line: line, over: [left, right])
    }
    return left
  }

  private mutating func concatenation() throws(TemplateFailure) -> Expression {
    let line = current.line
    var parts = [try product()]
    while take(.tilde) { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : try node(.concatenation(parts), line: line, over: parts)
  }

  private mutating func product() throws(TemplateFailure) -> Expression {
    var left = try power()
    while true {
      let operation: Expression.Arithmetic
      switch current.kind {
      case .symbol(.times): operation = .multiply
      case .symbol(.divide): operation = .divide
      case .symbol(.floorDivide): operation = .floorDivide
      case .symbol(.remainder): operation = .remainder
      default: return left
      }
      let line = current.line
      skip()
      let right = try power()
      left = try node(.arithmetic(left, operation, right), line: line, over: [left, right])
    }
  }

  private mutating func power() throws(TemplateFailure) -> Expression {
    var left = try unary()
    while isAt(.power) {
      let line = current.line
      skip()
      let right = try unary()
      left = try node(.arithmetic(left, .power, right), line: line, over: [left, right])
    }
    return left
  }

  /// A sign binds closer than a filter: `-1|abs` is `(-1)|abs`.
  private mutating func unary(takesFilters: Bool = true) throws(TemplateFailure) -> Expression {
    let line = current.line
    var result: Expression
    if isAt(.minus) || isAt(.plus) {
      let isMinus = isAt(.minus)
      skip()
      try enter()
      defer { leave() }
      let operand = try unary(takesFilters: false)
      result = try node(.sign(operand, isMinus: isMinus), line: line, over: [operand])
    } else {
      result = try primary()
    }
    result = try postfixes(of: result)
    return takesFilters ? try filtersAndTests(of: result) : result
  }
}
