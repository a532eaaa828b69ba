/// The methods that Python's types have: which a name behind a dot may mean. Those that are not carried out
/// are listed too, since `value.name` is true for them, and not undefined.
struct Methods {
  let all: Set<String>
  /// What would change the value. The sandbox has them undefined.
  var changing: Set<String> = []
  /// What Python has beside methods, all of it refused.
  var members: Set<String> = []

  static func of(_ value: Value) -> Methods? {
    switch value {
    case .string: strings
    case .mapping: mappings
    case .list(let list):
      switch list.kind {
      case .list: lists
      case .tuple: tuples
      case .view: views
      case .range: ranges
      }
    case .integer, .bool: integers
    case .number: numbers
    case .iterator: iterators
    default: nil
    }
  }

  private static let strings = Methods(
    all: [
      "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format",
      "format_map", "index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier",
      "islower",
      "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip",
      "maketrans", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust",
      "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title",
      "translate", "upper", "zfill",
    ])

  private static let mappings = Methods(
    all: [
      "clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values",
    ], changing: ["clear", "pop", "popitem", "setdefault", "update"])

  private static let lists = Methods(
    all: [
      "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort",
    ], changing: ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"])

  private static let tuples = Methods(all: ["count", "index"])

  private static let views = Methods(all: ["isdisjoint"], members: ["mapping"])

  private static let ranges = Methods(all: ["count", "index"], members: ["start", "step", "stop"])

  private static let integers = Methods(
    all: [
      "as_integer_ratio", "bit_count", "bit_length", "conjugate", "from_bytes", "is_integer", "to_bytes",
    ], members: ["denominator", "imag", "numerator", "real"])

  private static let numbers = Methods(
    all: ["as_integer_ratio", "conjugate", "fromhex", "hex", "is_integer"], members: ["imag", "real"])

  private static let iterators = Methods(
    all: ["close", "send", "throw"], members: ["gi_running", "gi_suspended", "gi_yieldfrom"])
}

extension Interpreter {
  func call(_ method: MethodValue, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    switch method.receiver {
    case .string(let text): return try call(method.name, of: text, arguments)
    case .mapping(let mapping): return try call(method.name, of: mapping, arguments)
    case .list(let list): return try call(method.name, of: list, arguments)
    case .loop(let loop):
      guard arguments.named.isEmpty, !arguments.positional.isEmpty else {
        throw failure("loop.cycle needs values to choose from")
      }
      return arguments.positional[loop.index % arguments.positional.count]
    default: throw failure("\(method.receiver.article) has no methods")
    }
  }

  private func call(
    _ name: String, of mapping: MappingValue, _ arguments: Arguments
  ) throws(TemplateFailure) -> Value {
    switch name {
    case "get":
      let parameters = try bind(arguments, of: name, ["key", "default"], required: 1)
      return mapping[try key(parameters.required(0))] ?? parameters[1] ?? .none
    case "items":
      _ = try bind(arguments, of: name)
      return try list(try pairs(of: mapping), .view(name))
    case "keys":
      _ = try bind(arguments, of: name)
      return try list(mapping.entries.map(\.key), .view(name))
    case "values":
      _ = try bind(arguments, of: name)
      return try list(mapping.entries.map(\.value), .view(name))
    case "copy":
      _ = try bind(arguments, of: name)
      return .mapping(mapping)
    default: throw failure("the method \(name) of mappings is not supported")
    }
  }

  private func call(
    _ name: String, of list: ListValue, _ arguments: Arguments
  ) throws(TemplateFailure) -> Value {
    switch name {
    case "copy":
      _ = try bind(arguments, of: name)
      return .list(list)
    case "count", "index":
      let sought = try bind(arguments, of: name, ["value"], required: 1).required(0)
      var places: [Int] = []
      for (index, element) in list.elements.enumerated() where try equal(element, sought) {
        places.append(index)
      }
      if name == "count" { return .integer(places.count) }
      guard let place = places.first else { throw failure("index got a value that is not in the list") }
      return .integer(place)
    default: throw failure("the method \(name) of lists is not supported")
    }
  }
}
