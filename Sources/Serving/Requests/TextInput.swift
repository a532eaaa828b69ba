import JSON

/// Text, or token ids in its place.
enum TextInput: Equatable {
  case text(String)
  case ids([Int32])

  /// Reads a member that is a string, token ids, or an array of either.
  static func read(_ key: String, _ fields: JSONFields, limits: RequestLimits, vocabulary: Int)
    throws(APIError) -> [TextInput]
  {
    guard let value = fields[key] else { throw .missing(fields.name(key)) }
    switch value {
    case .string(let text): return [.text(text)]
    case .array(let elements):
      guard let first = elements.first else {
        throw .invalid("\(key) is empty, expected at least one token", parameter: key)
      }
      if first.integer != nil { return [.ids(try ids(elements, key, vocabulary: vocabulary))] }
      guard elements.count <= limits.prompts else {
        throw .invalid(
          "\(key) has \(elements.count) entries, expected at most \(limits.prompts)", parameter: key)
      }
      var inputs: [TextInput] = []
      for (index, element) in elements.enumerated() {
        switch element {
        case .string(let text): inputs.append(.text(text))
        case .array(let tokens):
          inputs.append(.ids(try ids(tokens, "\(key)[\(index)]", vocabulary: vocabulary)))
        default:
          throw .invalid(
            "\(key)[\(index)] must be a string or an array of token ids, got \(element.kind)",
            parameter: "\(key)[\(index)]")
        }
      }
      return inputs
    default: throw fields.wrong(key, "a string, an array of strings, or arrays of token ids", value)
    }
  }

  static func ids(_ elements: [JSONValue], _ path: String, vocabulary: Int) throws(APIError) -> [Int32] {
    guard !elements.isEmpty else {
      throw .invalid("\(path) is empty, expected at least one token", parameter: path)
    }
    var ids: [Int32] = []
    ids.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      guard let id = element.integer else {
        throw .invalid(
          "\(path)[\(index)] must be a token id, got \(element.kind)", parameter: "\(path)[\(index)]")
      }
      guard id >= 0, id < vocabulary, let id = Int32(exactly: id) else {
        throw .invalid(
          "\(path)[\(index)] is \(id), expected a token id from 0 to \(vocabulary - 1)",
          parameter: "\(path)[\(index)]")
      }
      ids.append(id)
    }
    return ids
  }
}
