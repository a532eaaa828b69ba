/// A JSON document. Strings are bytes, because vocabularies hold keys that Swift's `String` takes for equal
/// ("é" in one character and in two) and because 256,000 of them must load in a moment.
enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string([UInt8])
  case array([JSONValue])
  case object([(key: [UInt8], value: JSONValue)])

  /// The value of a key of an object; the last where it stands twice, as in Python.
  subscript(key: StaticString) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return key.withUTF8Buffer { name in members.last { $0.key.elementsEqual(name) }?.value }
  }

  var isNull: Bool {
    if case .null = self { return true }
    return false
  }

  var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The value of a whole number of at most 2⁵³.
  var integer: Int? {
    guard case .number(let value) = self, value.magnitude <= 9_007_199_254_740_992 else { return nil }
    return Int(exactly: value)
  }

  var bytes: [UInt8]? {
    if case .string(let bytes) = self { return bytes }
    return nil
  }

  var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  var elements: [JSONValue]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  var members: [(key: [UInt8], value: JSONValue)]? {
    if case .object(let members) = self { return members }
    return nil
  }

  /// What kind of value this is, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
