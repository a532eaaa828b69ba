import JSON

/// What `POST /v1/chat/completions` is asked.
struct ChatBody {
  var model: String?
  var messages: [ChatMessage]
  var tools: JSONValue?
  /// nil: what the context has room for.
  var maximumTokens: Int?
  var alternatives: Int?
  var addsGenerationPrompt: Bool
  var shared: SamplingFields

  init(_ value: JSONValue, limits: RequestLimits, vocabulary: Int) throws(APIError) {
    let fields = try JSONFields(value)
    model = try fields.string("model")
    messages = try Self.messages(fields, limits: limits)
    shared = try SamplingFields(fields, limits: limits, vocabulary: vocabulary)
    let maximum = try fields.integer("max_tokens", in: 1 ... .max)
    maximumTokens = try fields.integer("max_completion_tokens", in: 1 ... .max) ?? maximum
    let wantsScores = try fields.bool("logprobs") ?? false
    let count = try fields.integer("top_logprobs", in: 0...20)
    alternatives = wantsScores ? count ?? 0 : nil
    addsGenerationPrompt = try fields.bool("add_generation_prompt") ?? true
    tools = try Self.tools(fields)
    try Self.checkFormat(fields)
  }

  static func messages(_ fields: JSONFields, limits: RequestLimits) throws(APIError) -> [ChatMessage] {
    guard let elements = try fields.array("messages") else { throw .missing("messages") }
    guard !elements.isEmpty, elements.count <= limits.messages else {
      throw .invalid(
        "messages has \(elements.count) entries, expected 1 … \(limits.messages)", parameter: "messages")
    }
    var messages: [ChatMessage] = []
    for (index, element) in elements.enumerated() {
      messages.append(try ChatMessage(element, path: "messages[\(index)]"))
    }
    return messages
  }

  /// The tools that the template is told of; nil: none.
  private static func tools(_ fields: JSONFields) throws(APIError) -> JSONValue? {
    var isWanted = true
    if let choice = fields["tool_choice"] {
      guard case .string(let text) = choice, text == "none" || text == "auto" else {
        throw .invalid(
          "tool_choice must be none or auto: the model decides", parameter: "tool_choice",
          code: "unsupported_value")
      }
      isWanted = text == "auto"
    }
    guard let tools = try fields.array("tools") else { return nil }
    for (index, tool) in tools.enumerated() { _ = try JSONFields(tool, path: "tools[\(index)]") }
    return isWanted && !tools.isEmpty ? .array(tools) : nil
  }

  private static func checkFormat(_ fields: JSONFields) throws(APIError) {
    guard let format = try fields.object("response_format") else { return }
    let type = try format.string("type")
    guard type == "text" else {
      throw .invalid(
        "response_format.type must be text, got \(type?.prefix(40).debugDescription ?? "nothing")",
        parameter: "response_format.type", code: "unsupported_value")
    }
  }
}
