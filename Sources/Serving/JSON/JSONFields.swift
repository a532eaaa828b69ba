import JSON

/// The members of an object, read by name and checked: what is missing or null is nil, what has another type is
/// an error that names the member. Members that nobody asks for are ignored.
struct JSONFields {
  private let members: [String: JSONValue]
  /// Where the object stands, such as `messages[2].`; empty for the body.
  private let path: String

  init(_ value: JSONValue, path: String = "") throws(APIError) {
    guard case .object(let members) = value else {
      throw .invalid(
        path.isEmpty
          ? "the body must be a JSON object, got \(value.kind)"
          : "\(path) must be an object, got \(value.kind)",
        parameter: path.isEmpty ? nil : path)
    }
    self.path = path.isEmpty ? "" : path + "."
    self.members = members.byKey
  }

  func name(_ key: String) -> String { path + key }

  /// The value of `key`; nil where it is missing or null.
  subscript(key: String) -> JSONValue? {
    guard let value = members[key], value != .null else { return nil }
    return value
  }

  func wrong(_ key: String, _ expected: String, _ got: JSONValue) -> APIError {
    .invalid("\(name(key)) must be \(expected), got \(got.kind)", parameter: name(key))
  }

  func string(_ key: String) throws(APIError) -> String? {
    guard let value = self[key] else { return nil }
    guard case .string(let text) = value else { throw wrong(key, "a string", value) }
    return text
  }

  func bool(_ key: String) throws(APIError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard case .bool(let bool) = value else { throw wrong(key, "true or false", value) }
    return bool
  }

  func number(_ key: String) throws(APIError) -> Double? {
    guard let value = self[key] else { return nil }
    guard let number = value.number else { throw wrong(key, "a number", value) }
    return number
  }

  func integer(_ key: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let value = self[key] else { return nil }
    guard let integer = value.integer else { throw wrong(key, "an integer", value) }
    guard range.contains(integer) else {
      let expected =
        range.upperBound == .max
        ? "at least \(range.lowerBound)" : "\(range.lowerBound) … \(range.upperBound)"
      throw .invalid("\(name(key)) must be \(expected), got \(integer)", parameter: name(key))
    }
    return integer
  }

  func array(_ key: String) throws(APIError) -> [JSONValue]? {
    guard let value = self[key] else { return nil }
    guard case .array(let elements) = value else { throw wrong(key, "an array", value) }
    return elements
  }

  func object(_ key: String) throws(APIError) -> JSONFields? {
    guard let value = self[key] else { return nil }
    return try JSONFields(value, path: name(key))
  }
}
