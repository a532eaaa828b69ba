/// Python's arithmetic, with integers of 64 bits: beyond them is a failure.
extension Interpreter {
  func signed(_ value: Value, isMinus: Bool) throws(TemplateFailure) -> Value {
    switch value {
    case .undefined(let reason): throw failure(reason)
    case .number(let number): return .number(isMinus ? -number : number)
    default:
      guard let number = value.wholeNumber else {
        throw failure("got \(value.article), expected a number behind the sign")
      }
      return isMinus ? try whole(0.subtractingReportingOverflow(number)) : .integer(number)
    }
  }

  private func whole(_ result: (partialValue: Int, overflow: Bool)) throws(TemplateFailure) -> Value {
    guard !result.overflow else { throw failure("the result is beyond an integer of 64 bits") }
    return .integer(result.partialValue)
  }

  func compute(
    _ operation: Expression.Arithmetic, _ a: Value, _ b: Value
  ) throws(TemplateFailure) -> Value {
    for case .undefined(let reason) in [a, b] { throw failure(reason) }
    if let x = a.wholeNumber, let y = b.wholeNumber { return try compute(operation, x, y) }
    if let x = Self.double(a), let y = Self.double(b) { return try compute(operation, x, y) }
    switch (operation, a, b) {
    case (.add, .string(let a), .string(let b)):
      var result = a
      try append(b, to: &result)
      return .string(result)
    case (.add, .list(let a), .list(let b)) where a.kind == b.kind && (a.kind == .list || a.kind == .tuple):
      return try list(a.elements + b.elements, a.kind)
    case (.multiply, _, _):
      if let count = b.wholeNumber, let result = try repeated(a, count) { return result }
      if let count = a.wholeNumber, let result = try repeated(b, count) { return result }
    case (.remainder, .string, _): throw failure("formatting with % is not supported; write the text with ~")
    default: break
    }
    throw failure("cannot \(operation.rawValue) \(a.article) and \(b.article)")
  }

  private static func double(_ value: Value) -> Double? {
    if case .number(let number) = value { return number }
    return value.wholeNumber.map { Double($0) }
  }

  private func repeated(_ value: Value, _ count: Int) throws(TemplateFailure) -> Value? {
    let count = max(count, 0)
    switch value {
    case .string(let text):
      let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
      try make(bytes: overflow ? .max : bytes)
      return .string(String(repeating: text, count: text.isEmpty ? 0 : count))
    case .list(let list) where list.kind == .list || list.kind == .tuple:
      let (elements, overflow) = list.elements.count.multipliedReportingOverflow(by: count)
      // Before the elements are made: the bound of steps is one of memory here.
      try spend(elements: overflow ? Limits.steps * 8 : min(elements, Limits.steps * 8))
      guard elements > 0 else { return try self.list([], list.kind) }
      var result: [Value] = []
      result.reserveCapacity(elements)
      for _ in 0..<count { result += list.elements }
      return try self.list(result, list.kind)
    default: return nil
    }
  }

  private func compute(
    _ operation: Expression.Arithmetic, _ a: Int, _ b: Int
  ) throws(TemplateFailure) -> Value {
    switch operation {
    case .add: return try whole(a.addingReportingOverflow(b))
    case .subtract: return try whole(a.subtractingReportingOverflow(b))
    case .multiply: return try whole(a.multipliedReportingOverflow(by: b))
    case .power: return try power(a, b)
    case .divide, .floorDivide, .remainder: break
    }
    guard b != 0 else { throw failure("got 0 to divide by") }
    if operation == .divide { return .number(Double(a) / Double(b)) }
    let quotient = a.dividedReportingOverflow(by: b)
    if operation == .floorDivide, quotient.overflow { return try whole(quotient) }
    // The smallest integer by -1 overflows in the quotient; the remainder is 0.
    let remainder = quotient.overflow ? 0 : a % b
    let isBelow = remainder != 0 && (remainder < 0) != (b < 0)
    return .integer(
      operation == .remainder
        ? remainder + (isBelow ? b : 0) : quotient.partialValue - (isBelow ? 1 : 0))
  }

  private func power(_ base: Int, _ exponent: Int) throws(TemplateFailure) -> Value {
    guard exponent >= 0 else { return try compute(.power, Double(base), Double(exponent)) }
    if exponent == 0 || base == 1 { return .integer(1) }
    if base == 0 { return .integer(0) }
    if base == -1 { return .integer(exponent % 2 == 0 ? 1 : -1) }
    var result = Value.integer(1)
    // 2⁶³ is beyond an integer, so this ends soon.
    for _ in 0..<exponent { result = try compute(.multiply, result.wholeNumber ?? 0, base) }
    return result
  }

  private func compute(
    _ operation: Expression.Arithmetic, _ a: Double, _ b: Double
  ) throws(TemplateFailure) -> Value {
    switch operation {
    case .add: return .number(a + b)
    case .subtract: return .number(a - b)
    case .multiply: return .number(a * b)
    case .power: throw failure("powers other than of integers by integers from 0 are not supported")
    case .divide, .floorDivide, .remainder: break
    }
    guard b != 0 else { throw failure("got 0 to divide by") }
    if operation == .divide { return .number(a / b) }
    var remainder = a.truncatingRemainder(dividingBy: b)
    if remainder != 0, (remainder < 0) != (b < 0) { remainder += b }
    if remainder == 0 { remainder = b < 0 ? -0.0 : 0.0 }
    if operation == .remainder { return .number(remainder) }
    return .number(((a - remainder) / b).rounded())
  }
}
