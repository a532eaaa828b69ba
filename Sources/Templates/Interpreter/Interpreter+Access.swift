/// Attributes, subscripts and slices, as Jinja's sandbox gives them: `a.b` looks for an attribute and then
/// for a key, `a['b']` the other way round, and what is not there is undefined.
extension Interpreter {
  func access(_ expression: Expression) throws(TemplateFailure) -> Value {
    switch expression.kind {
    case .attribute(let operand, let name):
      let value = try evaluate(operand)
      line = expression.line
      return try attribute(name, of: value)
    case .element(let operand, let index):
      let (value, index) = (try evaluate(operand), try evaluate(index))
      line = expression.line
      return try element(index, of: value)
    case .slice(let operand, let slice):
      let value = try evaluate(operand)
      let bounds = [
        try slice.start.map(bound), try slice.stop.map(bound), try slice.step.map(bound),
      ]
      line = expression.line
      return try self.slice(value, start: bounds[0] ?? nil, stop: bounds[1] ?? nil, step: bounds[2] ?? nil)
    default: preconditionFailure("got an expression that accesses nothing")
    }
  }

  func attribute(_ name: String, of value: Value) throws(TemplateFailure) -> Value {
    if case .undefined(let reason) = value { throw failure(reason) }
    if let member = try ownAttribute(name, of: value) { return member }
    if case .mapping(let mapping) = value, let member = mapping[name] { return member }
    return missing(name, of: value)
  }

  func element(_ index: Value, of value: Value) throws(TemplateFailure) -> Value {
    switch value {
    case .undefined(let reason): throw failure(reason)
    case .mapping(let mapping):
      if let key = try possibleKey(index), let member = mapping[key] { return member }
    case .list(let list):
      if case .view = list.kind { break }
      if let place = place(index, in: list.elements.count) { return list.elements[place] }
    case .string(let text):
      guard index.wholeNumber != nil else { break }
      try spend(text)
      let scalars = text.unicodeScalars
      if let place = place(index, in: scalars.count) {
        return .string(String(scalars[scalars.index(scalars.startIndex, offsetBy: place)]))
      }
    default: break
    }
    guard case .string(let name) = index else {
      return .undefined(
        "\(value.article) has no element \(index.wholeNumber.map { "\($0)" } ?? index.article)")
    }
    return try ownAttribute(name, of: value) ?? missing(name, of: value)
  }

  private func missing(_ name: String, of value: Value) -> Value {
    .undefined("\(value.article) has no attribute '\(name)'")
  }

  /// Counted from the end where it is negative.
  private func place(_ index: Value, in count: Int) -> Int? {
    guard let index = index.wholeNumber, index < count, index >= -count else { return nil }
    return index < 0 ? index + count : index
  }

  /// What a value has beside its keys and elements: methods, and the members of namespaces and loops.
  private func ownAttribute(_ name: String, of value: Value) throws(TemplateFailure) -> Value? {
    switch value {
    case .namespace(let id): return namespaces[id][name]
    case .loop(let loop): return attribute(name, of: loop)
    default: break
    }
    guard let methods = Methods.of(value) else { return nil }
    if methods.members.contains(name) {
      throw failure("the member \(name) of \(value.article) is not supported")
    }
    guard methods.all.contains(name) else { return nil }
    if methods.changing.contains(name) {
      return .undefined("\(name) would change a value, which templates may not")
    }
    return .method(MethodValue(value, name))
  }

  private func attribute(_ name: String, of loop: LoopState) -> Value? {
    let (index, count) = (loop.index, loop.elements.count)
    return switch name {
    case "index": .integer(index + 1)
    case "index0": .integer(index)
    case "revindex": .integer(count - index)
    case "revindex0": .integer(count - index - 1)
    case "first": .bool(index == 0)
    case "last": .bool(index == count - 1)
    case "length": .integer(count)
    case "depth": .integer(1)
    case "depth0": .integer(0)
    case "previtem": loop.item(at: index - 1) ?? .undefined("there is no previous item")
    case "nextitem": loop.item(at: index + 1) ?? .undefined("there is no next item")
    case "cycle": .method(MethodValue(.loop(loop), name))
    default: nil
    }
  }

  // MARK: Slices

  private func bound(_ expression: Expression) throws(TemplateFailure) -> Int? {
    let value = try evaluate(expression)
    if value.isNone { return nil }
    guard let number = value.wholeNumber else {
      line = expression.line
      throw failure("got \(value.article) as a slice's bound, expected an integer")
    }
    return number
  }

  private func slice(
    _ value: Value, start: Int?, stop: Int?, step: Int?
  ) throws(TemplateFailure) -> Value {
    let step = step ?? 1
    guard step != 0 else { throw failure("got a slice with step 0, expected another step") }
    switch value {
    case .undefined(let reason): throw failure(reason)
    case .string(let text):
      try spend(text)
      let scalars = Array(text.unicodeScalars)
      let places = Self.places(scalars.count, start, stop, step)
      return .string(Text.string(places.lazy.map { scalars[$0] }))
    case .list(let list):
      if case .view = list.kind { break }
      try spend(elements: list.elements.count)
      let bounds = Self.bounds(list.elements.count, start, stop, step)
      let places = Self.places(list.elements.count, start, stop, step)
      return try self.list(places.map { list.elements[$0] }, try kind(list.kind, bounds, step))
    default: break
    }
    throw failure("got \(value.article), expected a string or a list to slice")
  }

  /// A slice of a range is a range.
  private func kind(
    _ kind: ListValue.Kind, _ bounds: (first: Int, last: Int), _ step: Int
  ) throws(TemplateFailure) -> ListValue.Kind {
    guard case .range(let start, _, let width) = kind else { return kind }
    func number(_ factor: Int, _ term: Int) throws(TemplateFailure) -> Int {
      let (product, tooLarge) = factor.multipliedReportingOverflow(by: width)
      let (sum, overflow) = product.addingReportingOverflow(term)
      guard !tooLarge, !overflow else { throw failure("the result is beyond an integer of 64 bits") }
      return sum
    }
    return .range(
      start: try number(bounds.first, start), stop: try number(bounds.last, start), step: try number(step, 0))
  }

  /// Python's `slice.indices`.
  private static func bounds(
    _ count: Int, _ start: Int?, _ stop: Int?, _ step: Int
  ) -> (first: Int, last: Int) {
    let (low, high) = step > 0 ? (0, count) : (-1, count - 1)
    func clamped(_ bound: Int) -> Int {
      let fromStart = bound < 0 ? max(bound, -count - 1) + count : bound
      return min(max(fromStart, low), high)
    }
    return (start.map(clamped) ?? (step > 0 ? low : high), stop.map(clamped) ?? (step > 0 ? high : low))
  }

  private static func places(_ count: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> StrideTo<Int> {
    let (first, last) = bounds(count, start, stop, step)
    // A longer step goes nowhere else, and does not overflow.
    return stride(from: first, to: last, by: min(max(step, -count - 1), count + 1))
  }
}
