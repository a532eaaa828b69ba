import Files
import FoundationEssentials

/// A JSON document, as far as configurations need it.
enum JSON: Codable, Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let bool = try? value.decode(Bool.self) {
      self = .bool(bool)
    } else if let integer = try? value.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let string = try? value.decode(String.self) {
      self = .string(string)
    } else if let array = try? value.decode([JSON].self) {
      self = .array(array)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .bool(let bool): try value.encode(bool)
    case .integer(let integer): try value.encode(integer)
    case .number(let number): try value.encode(number)
    case .string(let string): try value.encode(string)
    case .array(let array): try value.encode(array)
    case .object(let object): try value.encode(object)
    }
  }

  /// As messages say what was found: short, on one line.
  var brief: String {
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

  /// The members of the object in file `path`. Throws when there is no such file or it holds something else.
  static func object(at path: String) throws -> [String: JSON] {
    let file = try MappedFile(path)
    guard file.count <= sizeLimit else {
      throw ModelDirectory.Failure(
        description: "\(path): has \(file.count) bytes, expected a configuration of at most \(sizeLimit)")
    }
    let bytes = file.contents
    guard let object = try? JSONDecoder().decode([String: JSON].self, from: Data(bytes)) else {
      let word = JSONText.wordForNumber(in: bytes)
      throw ModelDirectory.Failure(
        description: "\(path): "
          + (word.map { "has \($0) for a number, which JSON does not have, expected a finite one" }
            ?? "is not a JSON object; it was damaged or is not a model's configuration"))
    }
    if let key = JSONText.repeatedKey(in: bytes) {
      throw ModelDirectory.Failure(
        description:
          "\(path): has \(JSON.string(key).brief) twice, expected each key once; remove one of them")
    }
    return object
  }

  private static let sizeLimit = 1 << 20

  /// Writes the object `members` to `path`, its keys in order.
  static func write(_ members: [String: JSON], to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let file = try AtomicFile(path)
    try file.write(Array(try encoder.encode(members)))
    try file.write("\n")
    try file.commit()
  }
}
