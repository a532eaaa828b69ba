/// One rendering of a template: its names, what it has written, and what it has used up.
final class Interpreter {
  /// Names, and around them those of the block or macro outside.
  final class Scope {
    var variables: [String: Value]
    let outer: Scope?

    init(_ variables: [String: Value] = [:], in outer: Scope?) {
      self.variables = variables
      self.outer = outer
    }
  }

  struct MacroValue {
    let definition: Statement.Macro
    /// Where it was defined: what its body sees.
    let scope: Scope
  }

  let date: TemplateDate?
  var scope: Scope
  /// The texts under way; macros and `set` blocks begin one of their own.
  var outputs = [""]
  /// What a `set` block has rendered.
  var captured = ""
  var macros: [MacroValue] = []
  var namespaces: [NamespaceState] = []
  /// Of what is being evaluated, for messages.
  var line = 1
  private var steps = 0
  private var depth = 0

  static func text(
    of body: [Statement], _ values: [String: TemplateValue], at date: TemplateDate?
  ) throws(TemplateFailure) -> String {
    let interpreter = Interpreter(at: date)
    for (name, value) in values {
      if case .undefined = value { continue }
      interpreter.scope.variables[name] = try interpreter.value(value, depth: 0)
    }
    _ = try interpreter.run(body)
    return interpreter.outputs[0]
  }

  private init(at date: TemplateDate?) {
    self.date = date
    scope = Scope(in: nil)
  }

  func failure(_ reason: String) -> TemplateFailure { TemplateFailure(line: line, reason) }

  // MARK: Bounds

  func spend(_ count: Int) throws(TemplateFailure) {
    steps += count
    guard steps <= Limits.steps else {
      throw failure("the template takes more than \(Limits.steps) steps")
    }
  }

  /// Before elements are gone through or copied.
  func spend(elements count: Int) throws(TemplateFailure) { try spend(count / 4) }

  /// Before text is gone through.
  func spend(_ text: String) throws(TemplateFailure) { try spend(text.utf8.count / 64) }

  /// Before a string of so many bytes is made.
  func make(bytes count: Int) throws(TemplateFailure) {
    guard count <= Limits.output else {
      throw failure("got a text of \(count) bytes, expected at most \(Limits.output)")
    }
    try spend(count / 64)
  }

  func append(_ text: String, to result: inout String) throws(TemplateFailure) {
    let count = result.utf8.count + text.utf8.count
    guard count <= Limits.output else {
      throw failure("got a text of more than \(Limits.output) bytes")
    }
    try spend(text)
    result += text
  }

  func enter() throws(TemplateFailure) {
    try spend(1)
    guard depth < Limits.depth else {
      throw failure("more than \(Limits.depth) expressions, blocks and macros are inside one another")
    }
    depth += 1
  }

  func leave() { depth -= 1 }

  // MARK: Making values

  /// A value as it was given.
  func value(_ value: TemplateValue, depth: Int) throws(TemplateFailure) -> Value {
    guard depth < Limits.valueDepth else { throw tooDeep }
    switch value {
    case .undefined: return .undefined("the value is undefined")
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .integer(let value): return .integer(value)
    case .number(let value): return .number(value)
    case .string(let text): return .string(text)
    case .list(let elements):
      var values: [Value] = []
      values.reserveCapacity(elements.count)
      for element in elements { values.append(try self.value(element, depth: depth + 1)) }
      return try list(values)
    case .mapping(let mapping):
      var entries: [(key: Value, value: Value)] = []
      entries.reserveCapacity(mapping.entries.count)
      for entry in mapping.entries {
        entries.append((.string(entry.key), try self.value(entry.value, depth: depth + 1)))
      }
      return try self.mapping(entries)
    }
  }

  private var tooDeep: TemplateFailure {
    failure("got lists or mappings more than \(Limits.valueDepth) deep in one another")
  }

  func list(_ elements: [Value], _ kind: ListValue.Kind = .list) throws(TemplateFailure) -> Value {
    try spend(elements: elements.count)
    let depth = Value.depth(over: elements)
    guard depth <= Limits.valueDepth else { throw tooDeep }
    return .list(ListValue(elements, kind, depth: depth))
  }

  func iterator(_ elements: [Value]) throws(TemplateFailure) -> Value {
    try spend(elements: elements.count)
    let iterator = IteratorValue(elements)
    guard iterator.depth <= Limits.valueDepth else { throw tooDeep }
    return .iterator(iterator)
  }

  func loopState(_ elements: [Value]) throws(TemplateFailure) -> LoopState {
    let loop = LoopState(elements)
    guard loop.depth <= Limits.valueDepth else { throw tooDeep }
    return loop
  }

  /// What a mapping finds a value by; nil for what cannot be a key.
  func possibleKey(_ value: Value) throws(TemplateFailure) -> MappingKey? {
    if case .string(let text) = value { try spend(text) }
    let key = MappingKey(value)
    if case .tuple? = key { try spend((key?.size ?? 0) / 64) }
    return key
  }

  func key(_ value: Value) throws(TemplateFailure) -> MappingKey {
    guard let key = try possibleKey(value) else {
      throw failure("got \(value.article) as a key, expected a string, a number or a tuple of some")
    }
    return key
  }

  func mapping(_ entries: [(key: Value, value: Value)]) throws(TemplateFailure) -> Value {
    try spend(elements: entries.count)
    var kept: [(key: Value, value: Value)] = []
    var places: [MappingKey: Int] = [:]
    var depth = 1
    for entry in entries {
      let key = try key(entry.key)
      depth = max(depth, entry.value.depth + 1, entry.key.depth + 1)
      if let place = places[key] {
        kept[place].value = entry.value
      } else {
        places[key] = kept.count
        kept.append(entry)
      }
    }
    guard depth <= Limits.valueDepth else { throw tooDeep }
    return .mapping(MappingValue(kept, places: places, depth: depth))
  }
}
