import JSON

/// A turn of a conversation.
struct ChatMessage: Equatable {
  /// One of `roles`, `developer` as `system`: models know no difference.
  var role: String
  /// What a template sees besides the role; `content` is a string or null.
  var members: [JSONMember]

  /// As templates see it.
  var value: JSONValue { .object([JSONMember("role", .string(role))] + members) }

  static let roles = ["system", "developer", "user", "assistant", "tool"]

  init(_ value: JSONValue, path: String) throws(APIError) {
    let fields = try JSONFields(value, path: path)
    guard let role = try fields.string("role") else { throw .missing(fields.name("role")) }
    guard Self.roles.contains(role) else {
      throw .invalid(
        "\(fields.name("role")) is \(role.prefix(40).debugDescription), expected one of "
          + Self.roles.joined(separator: ", "), parameter: fields.name("role"))
    }
    self.role = role == "developer" ? "system" : role
    let calls = try fields.array("tool_calls")
    for (index, call) in (calls ?? []).enumerated() {
      _ = try JSONFields(call, path: fields.name("tool_calls[\(index)]"))
    }
    let content = try Self.content(fields)
    guard content != nil || (role == "assistant" && calls?.isEmpty == false) else {
      throw .missing(fields.name("content"))
    }
    members = [JSONMember("content", content.map(JSONValue.string) ?? .null)]
    for key in ["name", "tool_call_id", "reasoning_content"] {
      if let text = try fields.string(key) { members.append(JSONMember(key, .string(text))) }
    }
    if let calls { members.append(JSONMember("tool_calls", .array(calls.map(Self.withParsedArguments)))) }
  }

  /// A string, or the texts of a list of parts, a line each.
  private static func content(_ fields: JSONFields) throws(APIError) -> String? {
    switch fields["content"] {
    case nil: return nil
    case .string(let text): return text
    case .array(let parts):
      var texts: [String] = []
      for (index, part) in parts.enumerated() {
        let part = try JSONFields(part, path: fields.name("content[\(index)]"))
        guard let type = try part.string("type") else { throw .missing(part.name("type")) }
        guard type == "text" else {
          throw .invalid(
            "\(part.name("type")) is \(type.prefix(40).debugDescription), expected text: this model reads "
              + "nothing else", parameter: part.name("type"), code: "unsupported_value")
        }
        guard let text = try part.string("text") else { throw .missing(part.name("text")) }
        texts.append(text)
      }
      return texts.joined(separator: "\n")
    case .some(let value): throw fields.wrong("content", "a string or an array of text parts", value)
    }
  }

  /// OpenAI sends the arguments of a call as JSON in a string; templates want the object.
  private static func withParsedArguments(_ call: JSONValue) -> JSONValue {
    guard case .object(var members) = call,
      let place = members.firstIndex(where: { $0.key == "function" }),
      case .object(var function) = members[place].value,
      let argument = function.firstIndex(where: { $0.key == "arguments" }),
      case .string(let text) = function[argument].value,
      let parsed = try? JSONParser.parse(Array(text.utf8)), case .object = parsed
    else { return call }
    function[argument].value = parsed
    members[place].value = .object(function)
    return .object(members)
  }
}
