import JSON

extension TemplateValue {
  /// Reads JSON (RFC 8259), keys in their order. What Python's `json` would give a template; but an integer
  /// beyond 64 bits is a fraction, and half of a surrogate pair is U+FFFD.
  ///
  /// - Parameter source: the name of the file, for messages.
  package init(json: [UInt8], source: String) throws(TemplateFailure) {
    do throws(JSONParser.Fault) {
      self.init(try JSONParser.parse(json, .lenient))
    } catch {
      throw TemplateFailure(
        source: source, line: error.line, "not valid JSON: got \(error.got), expected \(error.expected)")
    }
  }

  package init(_ value: JSONValue) {
    switch value {
    case .null: self = .none
    case .bool(let bool): self = .bool(bool)
    case .integer(let integer): self = .integer(integer)
    case .number(let number): self = .number(number)
    case .string(let string): self = .string(string)
    case .array(let elements): self = .list(elements.map { TemplateValue($0) })
    case .object(let members): self = .mapping(TemplateMapping(members))
    }
  }
}

extension TemplateMapping {
  package init(_ members: [JSONMember]) {
    self.init()
    for member in members { append(member.key, TemplateValue(member.value)) }
  }
}
