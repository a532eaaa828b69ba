/// What can be done with any value: gone through, compared, looked into.
extension Interpreter {
  /// The elements of what a loop can go through.
  func elements(of value: Value) throws(TemplateFailure) -> [Value] {
    switch value {
    case .undefined: return []
    case .list(let list):
      try spend(elements: list.elements.count)
      return list.elements
    case .mapping(let mapping):
      try spend(elements: mapping.entries.count)
      return mapping.entries.map(\.key)
    case .string(let text):
      try spend(elements: text.utf8.count)
      return text.unicodeScalars.map { .string(String($0)) }
    case .iterator(let iterator):
      let rest = iterator.rest()
      try spend(elements: rest.count)
      return rest
    default: throw failure("got \(value.article), which has no elements to go through")
    }
  }

  /// How many elements a value has; nil where Python's `len` raises.
  func count(of value: Value) throws(TemplateFailure) -> Int? {
    switch value {
    case .undefined: return 0
    case .list(let list): return list.elements.count
    case .mapping(let mapping): return mapping.entries.count
    case .loop(let loop): return loop.elements.count
    case .string(let text):
      try spend(text)
      return text.unicodeScalars.count
    default: return nil
    }
  }

  // MARK: Equality

  /// Python's `==`: numbers and truth values by their value, everything else within its type.
  func equal(_ a: Value, _ b: Value) throws(TemplateFailure) -> Bool {
    try spend(1)
    switch (a, b) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let a), .string(let b)):
      guard a.utf8.count == b.utf8.count else { return false }
      try spend(a)
      return Text.equal(a, b)
    case (.list(let a), .list(let b)):
      guard a.kind.type == b.kind.type, a.elements.count == b.elements.count else { return false }
      for (a, b) in zip(a.elements, b.elements) where !(try equal(a, b)) { return false }
      return true
    case (.mapping(let a), .mapping(let b)):
      guard a.entries.count == b.entries.count else { return false }
      for (key, value) in a.entries {
        guard let other = b[try self.key(key)], try equal(value, other) else { return false }
      }
      return true
    case (.namespace(let a), .namespace(let b)), (.macro(let a), .macro(let b)): return a == b
    case (.function(let a), .function(let b)): return a == b
    case (.loop(let a), .loop(let b)): return a === b
    case (.iterator(let a), .iterator(let b)): return a === b
    default: return Self.number(a).flatMap { a in Self.number(b).map { a == $0 } } ?? false
    }
  }

  private enum Number: Equatable {
    case integer(Int)
    case number(Double)

    static func == (a: Number, b: Number) -> Bool {
      switch (a, b) {
      case (.integer(let a), .integer(let b)): a == b
      default: a.double == b.double
      }
    }

    static func < (a: Number, b: Number) -> Bool {
      switch (a, b) {
      case (.integer(let a), .integer(let b)): a < b
      default: a.double < b.double
      }
    }

    var double: Double {
      switch self {
      case .integer(let value): Double(value)
      case .number(let value): value
      }
    }
  }

  private static func number(_ value: Value) -> Number? {
    if case .number(let value) = value { return .number(value) }
    return value.wholeNumber.map { .integer($0) }
  }

  // MARK: Order

  /// Python's `<`, or `<=`.
  func precedes(_ a: Value, _ b: Value, orEqual: Bool = false) throws(TemplateFailure) -> Bool {
    try spend(1)
    switch (a, b) {
    case (.undefined(let reason), _), (_, .undefined(let reason)): throw failure(reason)
    case (.string(let a), .string(let b)):
      try spend(a)
      return orEqual ? !Text.precedes(b, a) : Text.precedes(a, b)
    case (.list(let a), .list(let b)) where a.kind == b.kind && (a.kind == .list || a.kind == .tuple):
      for (a, b) in zip(a.elements, b.elements) where !(try equal(a, b)) {
        return try precedes(a, b, orEqual: orEqual)
      }
      return a.elements.count < b.elements.count || (orEqual && a.elements.count == b.elements.count)
    default:
      guard let x = Self.number(a), let y = Self.number(b) else {
        throw failure("got \(a.article) and \(b.article), which have no order")
      }
      return x < y || (orEqual && x == y)
    }
  }

  // MARK: Membership

  /// Python's `in`.
  func contains(_ collection: Value, _ value: Value) throws(TemplateFailure) -> Bool {
    switch collection {
    case .string(let text):
      guard case .string(let sought) = value else {
        throw failure("got \(value.article) to look for in a string, expected a string")
      }
      try spend(text)
      try spend(sought)
      return TextSearch.contains(text, sought)
    case .mapping(let mapping):
      return mapping[try key(value)] != nil
    default:
      for element in try elements(of: collection) where try equal(element, value) { return true }
      return false
    }
  }
}
