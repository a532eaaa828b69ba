extension Parser {
  /// What stands between `{%` and `%}`; for a block, up to its closing tag's `%}`.
  mutating func statement() throws(TemplateFailure) -> Statement {
    let line = current.line
    let name = try expectName()
    switch name {
    case "set": return try set()
    case "if": return try branches()
    case "for": return try loop()
    case "macro": return try macro()
    case "generation": return try generation()
    case "break", "continue":
      guard isInLoop else { throw failure("\(name) stands outside of a loop", line: line) }
      return name == "break" ? .break : .continue
    case "autoescape", "block", "call", "do", "extends", "filter", "from", "import", "include", "print",
      "with":
      throw failure("the statement \(name) is not supported; chat templates do without", line: line)
    default:
      throw failure(
        "got the statement \(name), expected set, if, for, macro, generation, break or continue",
        line: line)
    }
  }

  private mutating func set() throws(TemplateFailure) -> Statement {
    let target = try target(allowsAttributes: true)
    if take(.assign) { return .set(target, try tuple()) }
    let captured = Expression(kind: .captured, line: current.line, height: 1)
    let value = try filters(of: captured)
    return .capture(target, value, try body(closedBy: "endset"))
  }

  private mutating func branches() throws(TemplateFailure) -> Statement {
    var branches: [Statement.Branch] = []
    while true {
      let condition = try tuple(allowsConditional: false)
      try endOfBlock()
      branches.append(.init(condition: condition, body: try body(until: ["elif", "else", "endif"])))
      if take(word: "elif") { continue }
      if take(word: "else") { return .branch(branches, otherwise: try body(closedBy: "endif")) }
      skip()
      return .branch(branches, otherwise: [])
    }
  }

  private mutating func loop() throws(TemplateFailure) -> Statement {
    let target = try target(allowsAttributes: false)
    try expect(word: "in")
    let sequence = try tuple(allowsConditional: false, endsAt: "recursive")
    let condition = take(word: "if") ? try expression() : nil
    if isAt(word: "recursive") { throw failure("recursive loops are not supported; use a macro") }
    try endOfBlock()
    let outer = isInLoop
    isInLoop = true
    let body = try body(until: ["else", "endfor"])
    isInLoop = outer
    let otherwise = isAt(word: "else") ? try elseBody() : []
    skip()
    return .loop(
      .init(target: target, sequence: sequence, condition: condition, body: body, otherwise: otherwise))
  }

  /// Up to the name of the closing tag.
  private mutating func elseBody() throws(TemplateFailure) -> [Statement] {
    skip()
    try endOfBlock()
    return try body(until: ["endfor"])
  }

  private mutating func macro() throws(TemplateFailure) -> Statement {
    let name = try expectName()
    try expect(.openParenthesis)
    var parameters: [(name: String, standard: Expression?)] = []
    while !isAt(.closeParenthesis) {
      if !parameters.isEmpty { try expect(.comma) }
      let parameter = try expectName()
      guard parameters.count < Limits.arguments else {
        throw failure("the macro \(name) has more than \(Limits.arguments) parameters")
      }
      guard !parameters.contains(where: { $0.name == parameter }) else {
        throw failure("the macro \(name) has two parameters \(parameter)")
      }
      if take(.assign) {
        parameters.append((parameter, try expression()))
      } else if parameters.contains(where: { $0.standard != nil }) {
        throw failure("the macro \(name) has the parameter \(parameter) without a default behind one with")
      } else {
        parameters.append((parameter, nil))
      }
    }
    skip()
    return .macro(.init(name: name, parameters: parameters, body: try separateBody(closedBy: "endmacro")))
  }

  private mutating func generation() throws(TemplateFailure) -> Statement {
    .generation(try separateBody(closedBy: "endgeneration"))
  }

  /// A body that a loop around it does not reach into.
  private mutating func separateBody(closedBy end: String) throws(TemplateFailure) -> [Statement] {
    let outer = isInLoop
    isInLoop = false
    defer { isInLoop = outer }
    return try body(closedBy: end)
  }

  // MARK: Targets

  /// A name or some with commas between; in brackets too.
  private mutating func target(allowsAttributes: Bool) throws(TemplateFailure) -> Statement.Target {
    let line = current.line
    var targets = [try oneTarget(allowsAttributes: allowsAttributes)]
    guard isAt(.comma) else { return targets[0] }
    while take(.comma) {
      switch current.kind {
      case .name("in"), .symbol(.assign), .symbol(.closeParenthesis), .blockEnd:
        return .tuple(targets, line: line)
      default: targets.append(try oneTarget(allowsAttributes: allowsAttributes))
      }
    }
    return .tuple(targets, line: line)
  }

  private mutating func oneTarget(allowsAttributes: Bool) throws(TemplateFailure) -> Statement.Target {
    let line = current.line
    if take(.openParenthesis) {
      try enter()
      defer { leave() }
      let inner = try target(allowsAttributes: false)
      try expect(.closeParenthesis)
      return inner
    }
    let name = try expectName()
    guard Self.constants[name] == nil else {
      throw failure("the constant \(name) cannot be set", line: line)
    }
    if allowsAttributes, take(.dot) { return .attribute(of: name, try expectName(), line: line) }
    return .name(name)
  }

  static let constants: [String: TemplateValue] = [
    "true": .bool(true), "True": .bool(true), "false": .bool(false), "False": .bool(false), "none": .none,
    "None": .none,
  ]
}
