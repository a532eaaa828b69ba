extension Interpreter {
  /// How a statement ended.
  enum Flow { case onward, `break`, `continue` }

  func run(_ statements: [Statement]) throws(TemplateFailure) -> Flow {
    try enter()
    defer { leave() }
    for statement in statements {
      let flow = try run(statement)
      if flow != .onward { return flow }
    }
    return .onward
  }

  private func run(_ statement: Statement) throws(TemplateFailure) -> Flow {
    switch statement {
    case .text(let text): try write(text)
    case .output(let expression): try output(expression)
    case .set(let target, let expression): try assign(try evaluate(expression), to: target)
    case .capture(let target, let expression, let body):
      return try capture(body, into: target, as: expression)
    case .branch(let branches, let otherwise): return try branch(branches, otherwise)
    case .loop(let loop): return try run(loop)
    case .macro(let macro):
      macros.append(MacroValue(definition: macro, scope: scope))
      scope.variables[macro.name] = .macro(macros.count - 1)
    case .generation(let body): try inScope(Scope(in: scope), body)
    case .break: return .break
    case .continue: return .continue
    }
    return .onward
  }

  private func write(_ text: String) throws(TemplateFailure) {
    try spend(1)
    try append(text, to: &outputs[outputs.count - 1])
  }

  private func output(_ expression: Expression) throws(TemplateFailure) {
    let value = try evaluate(expression)
    line = expression.line
    try write(try text(of: value))
  }

  private func inScope(_ inner: Scope, _ body: [Statement]) throws(TemplateFailure) {
    let outer = scope
    scope = inner
    defer { scope = outer }
    _ = try run(body)
  }

  private func branch(
    _ branches: [Statement.Branch], _ otherwise: [Statement]
  ) throws(TemplateFailure) -> Flow {
    for branch in branches where try evaluate(branch.condition).isTrue { return try run(branch.body) }
    return try run(otherwise)
  }

  private func capture(
    _ body: [Statement], into target: Statement.Target, as expression: Expression
  ) throws(TemplateFailure) -> Flow {
    outputs.append("")
    let flow = try run(body)
    let text = outputs.removeLast()
    guard flow == .onward else { return flow }
    captured = text
    try assign(try evaluate(expression), to: target)
    return .onward
  }

  // MARK: Loops

  private func run(_ loop: Statement.Loop) throws(TemplateFailure) -> Flow {
    let outer = scope
    defer { scope = outer }
    line = loop.sequence.line
    let sequence = try evaluate(loop.sequence)
    line = loop.sequence.line
    let state = try loopState(try chosen(by: loop, from: try elements(of: sequence)))
    // Jinja's else comes where no passage reached its end, so behind a break in the first one too.
    var isPassed = false
    for (index, element) in state.elements.enumerated() {
      try spend(1)
      state.index = index
      scope = Scope(["loop": .loop(state)], in: outer)
      try assign(element, to: loop.target)
      let flow = try run(loop.body)
      if flow == .onward { isPassed = true }
      if flow == .break { break }
    }
    scope = outer
    return isPassed ? .onward : try run(loop.otherwise)
  }

  private func chosen(by loop: Statement.Loop, from elements: [Value]) throws(TemplateFailure) -> [Value] {
    guard let condition = loop.condition else { return elements }
    let outer = scope
    var chosen: [Value] = []
    for element in elements {
      scope = Scope(in: outer)
      try assign(element, to: loop.target)
      if try evaluate(condition).isTrue { chosen.append(element) }
    }
    scope = outer
    return chosen
  }

  // MARK: Assignments

  private func assign(_ value: Value, to target: Statement.Target) throws(TemplateFailure) {
    switch target {
    case .name(let name): scope.variables[name] = value
    case .attribute(let object, let name, let line):
      self.line = line
      guard case .namespace(let id) = lookUp(object) else {
        throw failure("got \(lookUp(object).article), expected a namespace to set \(name) of")
      }
      try setAttribute(name, of: id, to: value)
    case .tuple(let targets, let line):
      self.line = line
      let parts = try elements(of: value)
      guard parts.count == targets.count else {
        throw failure("got \(parts.count) values for \(targets.count) names")
      }
      for (part, target) in zip(parts, targets) { try assign(part, to: target) }
    }
  }

  private func setAttribute(_ name: String, of id: Int, to value: Value) throws(TemplateFailure) {
    try checkNamespace(name)
    namespaces[id][name] = value
  }

  /// transformers refuses these names, which reach into Python.
  func checkNamespace(_ name: String) throws(TemplateFailure) {
    guard name.first != "_" else {
      throw failure("a namespace holds no names that begin with an underscore, such as \(name)")
    }
  }
}
