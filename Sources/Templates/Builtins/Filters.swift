/// `value | name(arguments)`. A filter that chat templates do without is refused by name.
extension Interpreter {
  func filter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    switch name {
    case "capitalize", "indent", "lower", "replace", "string", "title", "trim", "upper":
      return try textFilter(name, value, arguments)
    case "abs", "float", "int", "round": return try numberFilter(name, value, arguments)
    case "dictsort", "first", "items", "join", "last", "list", "max", "min", "reverse", "sort", "sum",
      "unique":
      return try sequenceFilter(name, value, arguments)
    case "map": return try map(value, arguments)
    case "select": return try select(value, arguments)
    case "reject": return try select(value, arguments, keeps: false)
    case "selectattr": return try select(value, arguments, byAttribute: true)
    case "rejectattr": return try select(value, arguments, byAttribute: true, keeps: false)
    case "tojson": return .string(try json(value, arguments))
    case "safe":
      // Nothing is escaped here. Jinja would escape what is added to a text so marked, though its environment
      // escapes nothing else; no template means that.
      _ = try bind(arguments, of: name)
      return .string(try text(of: value))
    case "count", "length":
      _ = try bind(arguments, of: name)
      guard let count = try count(of: value) else {
        throw failure("\(name) got \(value.article), expected a string, a list or a mapping")
      }
      return .integer(count)
    case "d", "default":
      let parameters = try bind(arguments, of: name, ["default_value", "boolean"])
      let isMissing = value.isUndefined || (parameters.flag(1) && !value.isTrue)
      return isMissing ? parameters[0] ?? .string("") : value
    default: throw failure("the filter \(name) is not known here")
    }
  }

  // MARK: Numbers

  private func numberFilter(
    _ name: String, _ value: Value, _ arguments: Arguments
  ) throws(TemplateFailure) -> Value {
    if case .string(let text) = value { try spend(text) }
    switch name {
    case "int": return try integer(value, arguments)
    case "float":
      let standard = try bind(arguments, of: name, ["default"])[0] ?? .number(0)
      switch value {
      case .undefined(let reason): throw failure(reason)
      case .number: return value
      case .string(let text): return NumberText.number(text).map { .number($0) } ?? standard
      default: return value.wholeNumber.map { .number(Double($0)) } ?? standard
      }
    case "abs":
      _ = try bind(arguments, of: name)
      if case .number(let number) = value { return .number(number.magnitude) }
      return try signed(value, isMinus: (value.wholeNumber ?? 0) < 0)
    default: return try rounded(value, arguments)
    }
  }

  private func integer(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "int", ["default", "base"])
    let standard = parameters[0] ?? .integer(0)
    var number: Double?
    switch value {
    case .undefined(let reason): throw failure(reason)
    case .number(let value): number = value
    case .string(let text):
      switch NumberText.integer(text, radix: try parameters.integer(1) ?? 10) {
      case .value(let value): return .integer(value)
      case .tooLarge: throw failure("int got a number beyond 64 bits")
      case .malformed: number = NumberText.number(text)
      }
    default: return value.wholeNumber.map { .integer($0) } ?? standard
    }
    guard let number, number.isFinite else { return standard }
    guard let whole = Int(exactly: number.rounded(.towardZero)) else {
      throw failure("int got a number beyond 64 bits")
    }
    return .integer(whole)
  }

  private func rounded(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "round", ["precision", "method"])
    guard try parameters.integer(0) ?? 0 == 0 else {
      throw failure("round to a number of decimals is not supported")
    }
    let rule: FloatingPointRoundingRule
    switch try parameters.string(1) ?? "common" {
    case "common": rule = .toNearestOrEven
    case "ceil": rule = .up
    case "floor": rule = .down
    default: throw failure("round got a method that is none of common, ceil and floor")
    }
    if case .number(let number) = value { return .number(number.rounded(rule)) }
    return try signed(value, isMinus: false)
  }
}
