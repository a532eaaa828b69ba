import JSON

/// A configuration as another program wrote it, read key by key. What is not what it should be is named with what was
/// found and expected.
struct ForeignConfig {
  /// The file.
  let path: String
  let values: [String: JSONValue]

  init(_ path: String, _ values: [String: JSONValue]) {
    self.path = path
    self.values = values
  }

  /// The first of `keys` that is there and not null.
  private func found(_ keys: [String]) -> (key: String, value: JSONValue)? {
    for key in keys {
      if let value = values[key], value != .null { return (key, value) }
    }
    return nil
  }

  func failure(_ what: String) -> ModelDirectory.Failure {
    ModelDirectory.Failure(description: "\(path): \(what)")
  }

  private func wrong(_ found: (key: String, value: JSONValue), _ expected: String) -> ModelDirectory.Failure {
    failure("\(found.key) is \(found.value.brief), expected \(expected)")
  }

  private func lacks(_ keys: [String], _ expected: String) -> ModelDirectory.Failure {
    failure("lacks \(keys.joined(separator: " or ")), expected \(expected)")
  }

  // MARK: Values

  func optionalInteger(_ keys: String...) throws -> Int? {
    guard let found = found(keys) else { return nil }
    guard let value = found.value.integer else { throw wrong(found, "a whole number") }
    return value
  }

  /// Throws where the key is missing and there is no default, or stands under both its names with two values.
  func integer(_ key: String, or otherKey: String? = nil, default standard: Int? = nil) throws -> Int {
    let keys = [key] + (otherKey.map { [$0] } ?? [])
    let values = try keys.map { ($0, try optionalInteger($0)) }
    guard let (found, value) = values.first(where: { $0.1 != nil }) ?? standard.map({ (key, $0) }),
      let value
    else {
      throw lacks(keys, "a whole number")
    }
    if let (other, otherValue) = values.last, let otherValue, otherValue != value {
      throw failure("\(found) is \(value) and \(other) is \(otherValue), expected one: they name the same")
    }
    return value
  }

  func optionalNumber(_ key: String) throws -> Double? {
    guard let found = found([key]) else { return nil }
    guard let value = found.value.number else { throw wrong(found, "a number") }
    return value
  }

  func number(_ key: String, default standard: Double) throws -> Double {
    try optionalNumber(key) ?? standard
  }

  func bool(_ key: String, default standard: Bool) throws -> Bool {
    guard let found = found([key]) else { return standard }
    guard case .bool(let value) = found.value else { throw wrong(found, "true or false") }
    return value
  }

  /// One of `choices`, spelled as their keys.
  func choice<T>(_ key: String, default standard: String, _ choices: [String: T]) throws -> T {
    let found = found([key]) ?? (key, .string(standard))
    guard case .string(let value) = found.value, let choice = choices[value] else {
      throw wrong(found, choices.keys.sorted().map(\.debugDescription).joined(separator: " or "))
    }
    return choice
  }

  /// The class of transformers that the model is of, where it says one.
  var architecture: String? {
    if case .array(let names)? = values["architectures"], case .string(let name)? = names.first {
      name
    } else {
      nil
    }
  }

  /// The object of a key, for reading key by key.
  func section(_ key: String) throws -> ForeignConfig? {
    guard let found = found([key]) else { return nil }
    guard let members = found.value.members else { throw wrong(found, "an object or null") }
    return ForeignConfig("\(path): \(key)", members.byKey)
  }

  // MARK: Rules

  /// Throws unless `key` is missing, null, or has the only value that these models can be computed with.
  func expect(_ key: String, _ expected: JSONValue) throws {
    guard let found = found([key]), found.value != expected else { return }
    // JSON does not tell 2 and 2.0 apart.
    if let number = expected.number, found.value.number == number { return }
    throw wrong(found, "\(expected.brief): no model here is computed otherwise")
  }

  /// Throws unless `key` is missing or null.
  func expectNone(_ keys: String...) throws {
    if let found = found(keys) { throw wrong(found, "none: no model here is computed with it") }
  }
}
