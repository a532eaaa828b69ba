/// `value is name(arguments)`.
extension Interpreter {
  func test(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Bool {
    switch name {
    case "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string",
      "mapping", "sequence", "iterable", "callable":
      _ = try bind(arguments, of: name)
      return typeTest(name, value)
    case "odd", "even", "upper", "lower":
      _ = try bind(arguments, of: name)
      return try propertyTest(name, value)
    case "divisibleby":
      let divisor = try bind(arguments, of: name, ["num"], required: 1).required(0)
      return try equal(try compute(.remainder, value, divisor), .integer(0))
    default: break
    }
    let other = try bind(arguments, of: name, ["other"], required: 1).required(0)
    switch name {
    case "==", "eq", "equalto": return try equal(value, other)
    case "!=", "ne": return !(try equal(value, other))
    case "<", "lt", "lessthan": return try precedes(value, other)
    case "<=", "le": return try precedes(value, other, orEqual: true)
    case ">", "gt", "greaterthan": return try precedes(other, value)
    case ">=", "ge": return try precedes(other, value, orEqual: true)
    case "in": return try contains(other, value)
    case "sameas": return try isSame(value, other)
    default: throw failure("the test \(name) is not known here")
    }
  }

  private func typeTest(_ name: String, _ value: Value) -> Bool {
    switch (name, value) {
    case ("defined", _): return !value.isUndefined
    case ("undefined", .undefined), ("none", .none), ("boolean", .bool), ("integer", .integer),
      ("float", .number), ("number", .integer), ("number", .number), ("number", .bool), ("string", .string),
      ("mapping", .mapping), ("callable", .macro), ("callable", .method), ("callable", .function),
      ("callable", .loop), ("callable", .undefined):
      return true
    case ("true", .bool(let value)): return value
    case ("false", .bool(let value)): return !value
    case ("sequence", .list(let list)):
      if case .view = list.kind { return false }
      return true
    case ("sequence", .string), ("sequence", .mapping), ("sequence", .undefined): return true
    case ("iterable", .list), ("iterable", .string), ("iterable", .mapping), ("iterable", .undefined),
      ("iterable", .iterator), ("iterable", .loop):
      return true
    default: return false
    }
  }

  private func propertyTest(_ name: String, _ value: Value) throws(TemplateFailure) -> Bool {
    switch name {
    case "odd": return try equal(try compute(.remainder, value, .integer(2)), .integer(1))
    case "even": return try equal(try compute(.remainder, value, .integer(2)), .integer(0))
    default:
      let text = try text(of: value)
      try spend(text)
      return Text.isCased(text, name == "upper" ? .upper : .lower)
    }
  }

  /// For constants; strings and integers are one object in Python or two as it happens.
  private func isSame(_ a: Value, _ b: Value) throws(TemplateFailure) -> Bool {
    switch (a, b) {
    case (.none, .none): return true
    case (.bool(let a), .bool(let b)): return a == b
    case (.list(let a), .list(let b)): return a === b
    case (.mapping(let a), .mapping(let b)): return a === b
    case (.string, .string), (.integer, .integer), (.number, .number):
      throw failure("sameas compares constants; write == for strings and numbers")
    default: return false
    }
  }
}
