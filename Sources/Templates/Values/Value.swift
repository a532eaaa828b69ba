/// A value while a template renders. Everything behind a reference is immutable, except for the position of a
/// loop or an iterator; namespaces and macros are numbers into the interpreter, so that nothing can hold
/// itself.
enum Value {
  /// With what to say where it is used.
  case undefined(String)
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case list(ListValue)
  case mapping(MappingValue)
  case iterator(IteratorValue)
  case loop(LoopState)
  case method(MethodValue)
  case namespace(Int)
  case macro(Int)
  case function(GlobalFunction)

  /// Levels of values in values.
  var depth: Int {
    switch self {
    case .list(let list): list.depth
    case .mapping(let mapping): mapping.depth
    case .iterator(let iterator): iterator.depth
    case .loop(let loop): loop.depth
    case .method(let method): method.receiver.depth + 1
    default: 0
    }
  }

  static func depth(over elements: [Value]) -> Int { elements.reduce(0) { max($0, $1.depth) } + 1 }

  /// Python's name of the type.
  var type: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .integer: "int"
    case .number: "float"
    case .string: "str"
    case .list(let list): list.kind.type
    case .mapping: "dict"
    case .iterator: "generator"
    case .loop: "LoopContext"
    case .method, .function: "function"
    case .namespace: "Namespace"
    case .macro: "Macro"
    }
  }

  /// For messages.
  var article: String {
    switch self {
    case .undefined(let reason): reason
    case .none: "none"
    default: "a value of type \(type)"
    }
  }

  var isUndefined: Bool {
    if case .undefined = self { return true }
    return false
  }

  var isNone: Bool {
    if case .none = self { return true }
    return false
  }

  /// Of an integer, or of a truth value as 0 or 1, as in Python.
  var wholeNumber: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .number(let value): value != 0
    case .string(let text): !text.isEmpty
    case .list(let list): !list.elements.isEmpty
    case .mapping(let mapping): !mapping.entries.isEmpty
    case .iterator, .loop, .method, .namespace, .macro, .function: true
    }
  }
}

/// The functions that every template knows.
enum GlobalFunction: String, CaseIterable {
  case range
  case namespace
  case dict
  case raiseException = "raise_exception"
  case strftimeNow = "strftime_now"
}
