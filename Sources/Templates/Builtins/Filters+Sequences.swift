/// Filters over the elements of a value.
extension Interpreter {
  func sequenceFilter(
    _ name: String, _ value: Value, _ arguments: Arguments
  ) throws(TemplateFailure) -> Value {
    switch name {
    case "join": return .string(try joined(value, arguments))
    case "sort": return try sorted(value, arguments)
    case "unique": return try unique(value, arguments)
    case "sum": return try sum(value, arguments)
    case "min", "max": return try extreme(name, value, arguments)
    case "dictsort": return try sortedEntries(value, arguments)
    default: _ = try bind(arguments, of: name)
    }
    switch name {
    case "list": return try list(try elements(of: value))
    case "first":
      let first: Value?
      if case .iterator(let iterator) = value {
        first = iterator.next()
      } else {
        first = try elements(of: value).first
      }
      return first ?? .undefined("there is no first element: the value is empty")
    case "last":
      if case .iterator = value {
        throw failure("last got an iterator, expected a list; put the filter list before")
      }
      return try elements(of: value).last ?? .undefined("there is no last element: the value is empty")
    case "items":
      if value.isUndefined { return try iterator([]) }
      guard case .mapping(let mapping) = value else {
        throw failure("items got \(value.article), expected a mapping")
      }
      return try iterator(try pairs(of: mapping))
    default:
      if case .string(let text) = value {
        try spend(text)
        return .string(Text.string(text.unicodeScalars.reversed()))
      }
      if value.isUndefined { return try iterator([]) }
      let elements = Array(try elements(of: value).reversed())
      if case .iterator = value { return try list(elements) }
      return try iterator(elements)
    }
  }

  func pairs(of mapping: MappingValue) throws(TemplateFailure) -> [Value] {
    try spend(elements: mapping.entries.count)
    var pairs: [Value] = []
    for (key, value) in mapping.entries { pairs.append(try list([key, value], .tuple)) }
    return pairs
  }

  private func joined(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> String {
    let parameters = try bind(arguments, of: "join", ["d", "attribute"])
    let separator = try parameters[0].map(text) ?? ""
    let attribute = try path(parameters[1])
    var result = ""
    for (index, element) in try elements(of: value).enumerated() {
      if index > 0 { try append(separator, to: &result) }
      try append(try text(of: try follow(attribute, from: element)), to: &result)
    }
    return result
  }

  // MARK: Attributes of elements

  /// `"a.0.b"` as what to look up one after the other; nil for the element itself.
  func path(_ attribute: Value?) throws(TemplateFailure) -> [Value] {
    switch attribute {
    case nil, .some(.none): return []
    case .integer(let index): return [.integer(index)]
    case .string(let text):
      try spend(text)
      return TextSearch.split(text, at: ".").map { part in
        let isNumber = !part.isEmpty && part.utf8.allSatisfy { 48...57 ~= $0 }
        return isNumber ? Int(part).map { .integer($0) } ?? .string(part) : .string(part)
      }
    case .some(let other):
      throw failure("got \(other.article) as an attribute, expected a string or an integer")
    }
  }

  func follow(
    _ path: [Value], from value: Value, standard: Value? = nil
  ) throws(TemplateFailure) -> Value {
    var value = value
    for part in path {
      try spend(1)
      value = try element(part, of: value)
      if value.isUndefined, let standard { value = standard }
    }
    return value
  }

  func map(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    var results: [Value] = []
    // Jinja looks no further, so that none and 0 have no elements here.
    guard value.isTrue else { return try iterator([]) }
    if arguments.positional.isEmpty, arguments.named.contains(where: { $0.name == "attribute" }) {
      let parameters = try bind(arguments, of: "map", ["attribute", "default"])
      let path = try path(parameters[0])
      let standard = parameters[1].flatMap { $0.isNone ? nil : $0 }
      for element in try elements(of: value) {
        results.append(try follow(path, from: element, standard: standard))
      }
      return try iterator(results)
    }
    guard case .string(let name) = arguments.positional.first else {
      throw failure("map needs the name of a filter, or attribute=")
    }
    for element in try elements(of: value) {
      try enter()
      defer { leave() }
      results.append(try filter(name, element, arguments.rest))
    }
    return try iterator(results)
  }

  /// Elements for which a test holds; without a test, those that are true.
  func select(
    _ value: Value, _ arguments: Arguments, byAttribute: Bool = false, keeps: Bool = true
  ) throws(TemplateFailure) -> Value {
    guard value.isTrue else { return try iterator([]) }
    var arguments = arguments
    var attribute: [Value] = []
    if byAttribute {
      guard let name = arguments.positional.first else {
        throw failure("selectattr and rejectattr need the name of an attribute")
      }
      attribute = try path(name)
      arguments = arguments.rest
    }
    var kept: [Value] = []
    for element in try elements(of: value) {
      try spend(1)
      let tested = try follow(attribute, from: element)
      let holds: Bool
      switch arguments.positional.first {
      case nil: holds = tested.isTrue
      case .string(let name): holds = try test(name, tested, arguments.rest)
      case .some(let other): throw failure("got \(other.article) as the name of a test, expected a string")
      }
      if holds == keeps { kept.append(element) }
    }
    return try iterator(kept)
  }
}
