extension Interpreter {
  func call(
    _ callee: Expression, _ arguments: Expression.Arguments, line: Int
  ) throws(TemplateFailure) -> Value {
    let callee = try evaluate(callee)
    let arguments = try evaluate(arguments)
    self.line = line
    switch callee {
    case .undefined(let reason): throw failure(reason)
    case .macro(let id): return .string(try call(macros[id], arguments))
    case .function(let function): return try call(function, arguments)
    case .method(let method): return try call(method, arguments)
    default: throw failure("got \(callee.article) in place of a function")
    }
  }

  // MARK: Macros

  private func call(_ macro: MacroValue, _ arguments: Arguments) throws(TemplateFailure) -> String {
    let (name, parameters) = (macro.definition.name, macro.definition.parameters)
    guard arguments.positional.count <= parameters.count else {
      throw failure(
        "the macro \(name) got \(arguments.positional.count) arguments, expected at most \(parameters.count)")
    }
    try spend(parameters.count)
    let inner = Scope(in: macro.scope)
    for (parameter, value) in zip(parameters, arguments.positional) {
      inner.variables[parameter.name] = value
    }
    for (parameter, value) in arguments.named {
      guard parameters.contains(where: { $0.name == parameter }), inner.variables[parameter] == nil else {
        throw failure("the macro \(name) does not take the argument \(parameter), or takes it once")
      }
      inner.variables[parameter] = value
    }
    let outer = scope
    scope = inner
    defer { scope = outer }
    for parameter in parameters where inner.variables[parameter.name] == nil {
      inner.variables[parameter.name] =
        try parameter.standard.map(evaluate)
        ?? .undefined("the argument \(parameter.name) of the macro \(name) is not given")
    }
    outputs.append("")
    _ = try run(macro.definition.body)
    return outputs.removeLast()
  }

  // MARK: Functions

  private func call(_ function: GlobalFunction, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    switch function {
    case .range: return try range(arguments)
    case .dict: return try mapping(try entries(arguments, of: "dict"))
    case .namespace:
      let entries = try entries(arguments, of: "namespace")
      var state = NamespaceState()
      for (key, value) in entries {
        guard case .string(let name) = key else {
          throw failure("namespace got \(key.article) as a name, expected a string")
        }
        try spend(name)
        try checkNamespace(name)
        state[name] = value
      }
      namespaces.append(state)
      return .namespace(namespaces.count - 1)
    case .raiseException:
      let message = try bind(arguments, of: function.rawValue, ["message"], required: 1).required(0)
      throw failure(try text(of: message))
    case .strftimeNow:
      let format = try bind(arguments, of: function.rawValue, ["format"], required: 1).string(0) ?? ""
      return .string(try dateText(format))
    }
  }

  private func range(_ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "range", ["start", "stop", "step"], required: 1)
    let first = try parameters.integer(0) ?? 0
    let second = try parameters.integer(1)
    let step = try parameters.integer(2) ?? 1
    guard step != 0 else { throw failure("range got step 0, expected another step") }
    let (start, stop) = second.map { (first, $0) } ?? (0, first)
    let isEmpty = step > 0 ? start >= stop : start <= stop
    // Right even where the difference is beyond an integer with a sign.
    let span = UInt(bitPattern: step > 0 ? stop &- start : start &- stop)
    guard isEmpty || (span - 1) / step.magnitude < UInt(Limits.range) else {
      throw failure("range got more than \(Limits.range) numbers")
    }
    let numbers = isEmpty ? [] : stride(from: start, to: stop, by: step).map { Value.integer($0) }
    return try list(numbers, .range(start: start, stop: stop, step: step))
  }

  /// A mapping or pairs, and names.
  private func entries(
    _ arguments: Arguments, of function: String
  ) throws(TemplateFailure) -> [(key: Value, value: Value)] {
    guard arguments.positional.count <= 1 else {
      throw failure(
        "\(function) got \(arguments.positional.count) arguments without a name, expected at most 1")
    }
    var entries: [(key: Value, value: Value)] = []
    switch arguments.positional.first {
    case nil: break
    case .undefined(let reason): throw failure(reason)
    case .mapping(let mapping): entries = mapping.entries
    case .some(let pairs):
      for pair in try elements(of: pairs) {
        let parts = try elements(of: pair)
        guard parts.count == 2 else {
          throw failure("\(function) got an element with \(parts.count) parts, expected pairs")
        }
        entries.append((parts[0], parts[1]))
      }
    }
    return entries + arguments.named.map { (.string($0.name), $0.value) }
  }

  private func dateText(_ format: String) throws(TemplateFailure) -> String {
    guard let date else { throw failure("strftime_now needs a date, and none was given") }
    var result = ""
    var scalars = format.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      var text = String(scalar)
      if scalar == "%" {
        var code = scalars.next() ?? "%"
        let isBare = code == "-"
        if isBare { code = scalars.next() ?? "%" }
        guard let known = date.text(for: code) else {
          throw failure("strftime_now does not know the code %\(code)")
        }
        let bare = known.drop { $0 == "0" || $0 == " " }
        text = isBare ? (bare.isEmpty ? "0" : String(bare)) : known
      }
      try append(text, to: &result)
    }
    return result
  }
}
