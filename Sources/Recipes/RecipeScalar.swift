/// Reads numbers, words and choices strictly: a word is no number, 1.5 is no integer, and a choice is
/// one of those listed. A whole number written as 1e9 is an integer; an integer serves as a Double.
enum RecipeScalar {
  /// Nil when `type` is no scalar.
  static func read<T>(_ type: T.Type, _ decoder: RecipeDecoder) throws -> T? {
    switch type {
    case is Bool.Type:
      guard case .bool(let value) = decoder.value.content else { throw decoder.failure("true or false") }
      return value as? T
    case is String.Type:
      guard case .string(let value) = decoder.value.content else {
        throw decoder.failure("a string (quote it if it reads as something else)")
      }
      return value as? T
    case is Double.Type: return try number(decoder) as? T
    case is Float.Type: return Float(try number(decoder)) as? T
    case let integer as any FixedWidthInteger.Type: return try read(integer: integer, decoder) as? T
    case let choice as any (RawRepresentable & CaseIterable).Type:
      return try read(choice: choice, decoder) as? T
    default: return nil
    }
  }

  private static func number(_ decoder: RecipeDecoder) throws -> Double {
    switch decoder.value.content {
    case .double(let value): return value
    case .integer(let value): return Double(value)
    default: throw decoder.failure("a number")
    }
  }

  private static func read<I: FixedWidthInteger>(integer type: I.Type, _ decoder: RecipeDecoder) throws -> I {
    switch decoder.value.content {
    case .integer(let value):
      if let fitting = I(exactly: value) { return fitting }
    case .double(let value):
      if let fitting = I(exactly: value) { return fitting }
      if value.rounded() != value { throw decoder.failure("an integer") }
    default: throw decoder.failure("an integer")
    }
    throw decoder.failure("an integer from \(I.min) to \(I.max)")
  }

  /// Nil for raw values that are neither words nor integers.
  private static func read<C: RawRepresentable & CaseIterable>(choice type: C.Type, _ decoder: RecipeDecoder)
    throws -> C?
  {
    let word: String
    switch decoder.value.content {
    case .string(let text): word = text
    case .integer(let number): word = "\(number)"
    case .bool, .double, .null, .list, .map: word = ""
    }
    if let found = C.allCases.first(where: { "\($0.rawValue)" == word }) { return found }
    let words = C.allCases.map { "\($0.rawValue)" }
    let near = RecipeKey.nearest(to: word, among: words).map { "; did you mean \($0)?" } ?? ""
    let failure = decoder.failure("one of \(words.joined(separator: ", "))")
    throw RecipeFailure(failure.description + near)
  }
}
