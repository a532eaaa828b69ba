/// What a call is given.
struct Arguments {
  var positional: [Value] = []
  var named: [(name: String, value: Value)] = []

  /// Without the first positional argument.
  var rest: Arguments { Arguments(positional: Array(positional.dropFirst()), named: named) }
}

/// The arguments of a function that Jinja or Python has, by the names of its parameters.
struct Parameters {
  fileprivate let values: [Value?]
  fileprivate let function: String
  fileprivate let interpreter: Interpreter

  subscript(index: Int) -> Value? { values[index] }

  /// - Precondition: the parameter is a required one.
  func required(_ index: Int) -> Value {
    guard let value = values[index] else { preconditionFailure("got an optional parameter") }
    return value
  }

  func flag(_ index: Int) -> Bool { values[index]?.isTrue ?? false }

  /// Where Python takes a truth value or an integer and nothing else.
  func strictFlag(_ index: Int) throws(TemplateFailure) -> Bool {
    guard let value = values[index] else { return false }
    guard let number = value.wholeNumber else { throw wrong(value, "true or false") }
    return number != 0
  }

  func string(_ index: Int) throws(TemplateFailure) -> String? {
    guard let value = values[index], !value.isNone else { return nil }
    guard case .string(let text) = value else { throw wrong(value, "a string") }
    return text
  }

  func integer(_ index: Int) throws(TemplateFailure) -> Int? {
    guard let value = values[index], !value.isNone else { return nil }
    guard let number = value.wholeNumber else { throw wrong(value, "an integer") }
    return number
  }

  func wrong(_ value: Value, _ expected: String) -> TemplateFailure {
    interpreter.failure("\(function) got \(value.article), expected \(expected)")
  }
}

extension Interpreter {
  /// Arguments in the places of their parameters, of which the first `required` must be there.
  func bind(
    _ arguments: Arguments, of function: String, _ names: [String] = [], required: Int = 0
  ) throws(TemplateFailure) -> Parameters {
    guard arguments.positional.count <= names.count else {
      throw failure(
        "\(function) got \(arguments.positional.count) arguments, expected at most \(names.count)")
    }
    var values: [Value?] = arguments.positional
    values += Array(repeating: nil, count: names.count - values.count)
    for (name, value) in arguments.named {
      guard let place = names.firstIndex(of: name), values[place] == nil else {
        let known = names.isEmpty ? "none" : names.joined(separator: ", ")
        throw failure("\(function) got the argument \(name), expected each of these once at most: \(known)")
      }
      values[place] = value
    }
    guard let missing = values.prefix(required).firstIndex(where: { $0 == nil }) else {
      return Parameters(values: values, function: function, interpreter: self)
    }
    throw failure("\(function) needs the argument \(names[missing])")
  }
}
