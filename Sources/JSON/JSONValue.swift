/// A JSON document. Members keep their order.
///
/// Strings are equal where their bytes are: Swift takes "é" in one character and in two for equal, and vocabularies
/// hold both.
package enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number written without fraction and exponent that fits.
  case integer(Int)
  /// Any other number; finite.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  /// An object; its keys in order.
  package init(_ members: [String: JSONValue]) {
    self = .object(members.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value) })
  }

  /// The value of a key of an object; the last where it stands twice, as in Python. Looks through all keys.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key.hasBytes(of: key) }?.value
  }

  package var isNull: Bool {
    if case .null = self { true } else { false }
  }

  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The value of a whole number, `2.0` too (JSON does not tell them apart); where it was read as a double, of at
  /// most 2⁵³, for larger ones are not what was written.
  package var integer: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): value.magnitude <= 9_007_199_254_740_992 ? Int(exactly: value) : nil
    default: nil
    }
  }

  package var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  package var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The UTF-8 of a string.
  package var bytes: [UInt8]? { text.map { Array($0.utf8) } }

  package var elements: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  package var members: [JSONMember]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// What kind of value this is, for messages.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// As messages say what was found: short, on one line.
  package var brief: String {
    switch self {
    case .null: "null"
    case .bool(let bool): "\(bool)"
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    case .string(let string): (string.count > 60 ? String(string.prefix(57)) + "…" : string).debugDescription
    case .array(let array): "a list of \(array.count)"
    case .object(let object): "an object with \(object.count) key\(object.count == 1 ? "" : "s")"
    }
  }
}

extension JSONValue: Equatable {
  package static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.string(let left), .string(let right)): left.hasBytes(of: right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }
}

/// A key of an object with its value.
package struct JSONMember: Sendable, Equatable {
  package var key: String
  package var value: JSONValue

  package init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }

  package static func == (left: JSONMember, right: JSONMember) -> Bool {
    left.key.hasBytes(of: right.key) && left.value == right.value
  }
}

extension [JSONMember] {
  /// By key; the last of keys that Swift takes for equal.
  package var byKey: [String: JSONValue] { Dictionary(map { ($0.key, $0.value) }) { $1 } }
}

extension String {
  fileprivate func hasBytes(of other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
