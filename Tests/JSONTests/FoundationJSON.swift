import FoundationEssentials
import JSON

/// What Foundation makes of JSON, to compare with.
enum FoundationJSON: Codable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([FoundationJSON])
  case object([String: FoundationJSON])

  static func decode(_ bytes: [UInt8]) throws -> FoundationJSON {
    try JSONDecoder().decode(FoundationJSON.self, from: Data(bytes))
  }

  static func pretty(_ value: JSONValue) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(FoundationJSON(value)))
  }

  init(_ value: JSONValue) {
    switch value {
    case .null: self = .null
    case .bool(let bool): self = .bool(bool)
    case .integer(let integer): self = .number(Double(integer))
    case .number(let number): self = .number(number)
    case .string(let text): self = .string(text)
    case .array(let elements): self = .array(elements.map { FoundationJSON($0) })
    case .object(let members): self = .object(members.byKey.mapValues { FoundationJSON($0) })
    }
  }

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([FoundationJSON].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: FoundationJSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .bool(let bool): try value.encode(bool)
    case .number(let number): try value.encode(number)
    case .string(let string): try value.encode(string)
    case .array(let array): try value.encode(array)
    case .object(let object): try value.encode(object)
    }
  }

  func isSame(_ value: JSONValue) -> Bool {
    switch (value, self) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .number(let b)): Double(a) == b
    case (.number(let a), .number(let b)): a == b
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $1.isSame($0) }
    case (.object(let a), .object(let b)):
      a.count == b.count && a.allSatisfy { member in b[member.key]?.isSame(member.value) ?? false }
    default: false
    }
  }
}
