extension Interpreter {
  func evaluate(_ expression: Expression) throws(TemplateFailure) -> Value {
    try enter()
    defer { leave() }
    switch expression.kind {
    case .literal(let value): return try self.value(value, depth: 0)
    case .name(let name): return lookUp(name)
    case .captured: return .string(captured)
    case .list(let parts): return try list(try evaluate(parts))
    case .tuple(let parts): return try list(try evaluate(parts), .tuple)
    case .mapping(let entries): return try mapping(try evaluate(entries))
    case .attribute, .element, .slice: return try access(expression)
    case .call(let callee, let arguments): return try call(callee, arguments, line: expression.line)
    case .filter(let operand, let name, let arguments):
      let value = try evaluate(operand)
      let arguments = try evaluate(arguments)
      line = expression.line
      return try filter(name, value, arguments)
    case .test(let operand, let name, let arguments):
      let value = try evaluate(operand)
      let arguments = try evaluate(arguments)
      line = expression.line
      return .bool(try test(name, value, arguments))
    case .not, .and, .or, .conditional: return try decide(expression)
    case .sign, .arithmetic, .concatenation, .comparison: return try compute(expression)
    }
  }

  func evaluate(_ parts: [Expression]) throws(TemplateFailure) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(parts.count)
    for part in parts { values.append(try evaluate(part)) }
    return values
  }

  private func evaluate(
    _ entries: [(key: Expression, value: Expression)]
  ) throws(TemplateFailure) -> [(key: Value, value: Value)] {
    var values: [(key: Value, value: Value)] = []
    for (key, value) in entries { values.append((try evaluate(key), try evaluate(value))) }
    return values
  }

  func evaluate(_ arguments: Expression.Arguments) throws(TemplateFailure) -> Arguments {
    var named: [(name: String, value: Value)] = []
    for (name, value) in arguments.named { named.append((name, try evaluate(value))) }
    return Arguments(positional: try evaluate(arguments.positional), named: named)
  }

  func lookUp(_ name: String) -> Value {
    var scope: Scope? = scope
    while let current = scope {
      if let value = current.variables[name] { return value }
      scope = current.outer
    }
    if let function = GlobalFunction(rawValue: name) { return .function(function) }
    return .undefined("'\(name)' is undefined")
  }

  // MARK: Decisions

  private func decide(_ expression: Expression) throws(TemplateFailure) -> Value {
    switch expression.kind {
    case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
    case .and(let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? try evaluate(right) : value
    case .or(let left, let right):
      let value = try evaluate(left)
      return value.isTrue ? value : try evaluate(right)
    case .conditional(let condition, let then, let otherwise):
      if try evaluate(condition).isTrue { return try evaluate(then) }
      guard let otherwise else {
        return .undefined("the condition of an inline if without else is false")
      }
      return try evaluate(otherwise)
    default: preconditionFailure("got an expression that decides nothing")
    }
  }

  // MARK: Operators

  private func compute(_ expression: Expression) throws(TemplateFailure) -> Value {
    switch expression.kind {
    case .sign(let operand, let isMinus):
      let value = try evaluate(operand)
      line = expression.line
      return try signed(value, isMinus: isMinus)
    case .arithmetic(let left, let operation, let right):
      let (left, right) = (try evaluate(left), try evaluate(right))
      line = expression.line
      return try compute(operation, left, right)
    case .concatenation(let parts):
      let values = try evaluate(parts)
      line = expression.line
      var result = ""
      for value in values { try append(try text(of: value), to: &result) }
      return .string(result)
    case .comparison(let first, let rest): return try compare(first, rest, line: expression.line)
    default: preconditionFailure("got an expression that computes nothing")
    }
  }

  /// `a < b < c` is `a < b and b < c`.
  private func compare(
    _ first: Expression, _ rest: [(Expression.Comparison, Expression)], line: Int
  ) throws(TemplateFailure) -> Value {
    var left = try evaluate(first)
    for (comparison, operand) in rest {
      let right = try evaluate(operand)
      self.line = line
      guard try holds(comparison, left, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  private func holds(
    _ comparison: Expression.Comparison, _ left: Value, _ right: Value
  ) throws(TemplateFailure) -> Bool {
    switch comparison {
    case .equal: try equal(left, right)
    case .notEqual: !(try equal(left, right))
    case .less: try precedes(left, right)
    case .greater: try precedes(right, left)
    case .atMost: try precedes(left, right, orEqual: true)
    case .atLeast: try precedes(right, left, orEqual: true)
    case .in: try contains(right, left)
    case .notIn: !(try contains(right, left))
    }
  }
}
