/// Reads the JSON of a safetensors header, and nothing but what such a header may hold: no nesting to overflow
/// a stack with, no number that is not a size, no name twice.
struct SafetensorsParser {
  private let text: [UInt8]
  private let path: String
  private var position = 0

  init(_ text: [UInt8], path: String) {
    self.text = text
    self.path = path
  }

  mutating func parse() throws(CheckpointFailure) -> (
    entries: [SafetensorsHeader.Entry], metadata: [String: String]
  ) {
    var entries: [SafetensorsHeader.Entry] = []
    var metadata: [String: String]?
    var names: Set<String> = []
    try object { (parser, name) throws(CheckpointFailure) in
      guard names.insert(name).inserted else {
        throw parser.failure("names tensor \(name.quotedBriefly) twice")
      }
      if name == "__metadata__" {
        metadata = try parser.stringMap()
      } else {
        entries.append(try parser.entry(name))
      }
    }
    skipSpace()
    guard position == text.count else { throw failure("goes on after its end at byte \(position)") }
    return (entries, metadata ?? [:])
  }

  // MARK: What a header holds

  private mutating func entry(_ name: String) throws(CheckpointFailure) -> SafetensorsHeader.Entry {
    var type: StoredType?
    var shape: [Int]?
    var offsets: [Int]?
    try object { (parser, key) throws(CheckpointFailure) in
      switch key {
      case "dtype" where type == nil:
        let word = try parser.string()
        guard let known = StoredType(rawValue: word) else {
          let all = StoredType.allCases.map(\.rawValue).joined(separator: ", ")
          throw parser.failure(
            "gives tensor \(name.quotedBriefly) the type \(word.quotedBriefly), expected one of \(all)")
        }
        type = known
      case "shape" where shape == nil: shape = try parser.integers()
      case "data_offsets" where offsets == nil: offsets = try parser.integers()
      default:
        throw parser.failure(
          "describes tensor \(name.quotedBriefly) with \(key.quotedBriefly), expected dtype, shape and "
            + "data_offsets, once each")
      }
    }
    guard let type, let shape, let offsets else {
      throw failure("describes tensor \(name.quotedBriefly) without its dtype, shape or data_offsets")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw failure(
        "gives tensor \(name.quotedBriefly) the data_offsets \(offsets.prefix(4)), expected a begin and an end "
          + "not before it")
    }
    return SafetensorsHeader.Entry(name: name, type: type, shape: shape, bytes: offsets[0]..<offsets[1])
  }

  private mutating func stringMap() throws(CheckpointFailure) -> [String: String] {
    var map: [String: String] = [:]
    try object { (parser, key) throws(CheckpointFailure) in
      guard map.updateValue(try parser.string(), forKey: key) == nil else {
        throw parser.failure("gives the metadata \(key.quotedBriefly) twice")
      }
    }
    return map
  }

  // MARK: JSON

  private mutating func object(
    _ member: (inout SafetensorsParser, String) throws(CheckpointFailure) -> Void
  ) throws(CheckpointFailure) {
    try expect("{")
    if take("}") { return }
    repeat {
      let key = try string()
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  private mutating func integers() throws(CheckpointFailure) -> [Int] {
    try expect("[")
    var values: [Int] = []
    if take("]") { return values }
    repeat { values.append(try integer()) } while take(",")
    try expect("]")
    return values
  }

  private mutating func integer() throws(CheckpointFailure) -> Int {
    skipSpace()
    let start = position
    while position < text.count, ascii("0")...ascii("9") ~= text[position] { position += 1 }
    guard let value = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
      throw failure("has no size or offset at byte \(start), where one must stand")
    }
    return value
  }

  private mutating func string() throws(CheckpointFailure) -> String {
    try expect("\"")
    var bytes: [UInt8] = []
    while position < text.count {
      let byte = text[position]
      position += 1
      switch byte {
      case ascii("\""):
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw failure("has a string that is not UTF-8 before byte \(position)")
        }
        return string
      case ascii("\\"): bytes.append(contentsOf: try escaped())
      case 0..<0x20: throw failure("has a control character in a string at byte \(position - 1)")
      default: bytes.append(byte)
      }
    }
    throw failure("ends within a string")
  }

  /// The UTF-8 of the escape whose backslash has been read.
  private mutating func escaped() throws(CheckpointFailure) -> [UInt8] {
    guard position < text.count else { throw failure("ends within a string") }
    let byte = text[position]
    position += 1
    switch byte {
    case ascii("\""), ascii("\\"), ascii("/"): return [byte]
    case ascii("b"): return [0x08]
    case ascii("f"): return [0x0C]
    case ascii("n"): return [0x0A]
    case ascii("r"): return [0x0D]
    case ascii("t"): return [0x09]
    case ascii("u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]), position + 1 < text.count, text[position] == ascii("\\"),
        text[position + 1] == ascii("u")
      {
        position += 2
        units.append(try codeUnit())
      }
      if let string = String(validating: units, as: UTF16.self) { return Array(string.utf8) }
    default: break
    }
    throw failure("has an escape that is not JSON's before byte \(position)")
  }

  private mutating func codeUnit() throws(CheckpointFailure) -> UInt16 {
    let end = position + 4
    guard end <= text.count, text[position..<end].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let unit = UInt16(String(decoding: text[position..<end], as: UTF8.self), radix: 16)
    else { throw failure("has an escape that is not JSON's at byte \(position)") }
    position = end
    return unit
  }

  private mutating func skipSpace() {
    while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
  }

  private mutating func take(_ scalar: UnicodeScalar) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == ascii(scalar) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ scalar: UnicodeScalar) throws(CheckpointFailure) {
    guard take(scalar) else { throw failure("lacks a \(scalar) at byte \(position)") }
  }

  private func ascii(_ scalar: UnicodeScalar) -> UInt8 { UInt8(ascii: scalar) }

  private func failure(_ what: String) -> CheckpointFailure {
    CheckpointFailure(path, "its safetensors header \(what); the file is damaged or was written wrongly")
  }
}
