import JSON

/// What `POST /tokenize` is asked: the ids of a text, or of a conversation.
struct TokenizeBody {
  enum Content {
    case text(String)
    case messages([ChatMessage], tools: JSONValue?, addsGenerationPrompt: Bool)
  }
  var model: String?
  var content: Content
  /// Whether the tokenizer's opening stands in front.
  var addsOpening: Bool

  init(_ value: JSONValue, limits: RequestLimits) throws(APIError) {
    let fields = try JSONFields(value)
    model = try fields.string("model")
    let opening = try fields.bool("add_special_tokens")
    if fields["messages"] != nil {
      let tools = try fields.array("tools")
      content = .messages(
        try ChatBody.messages(fields, limits: limits), tools: tools.map(JSONValue.array),
        addsGenerationPrompt: try fields.bool("add_generation_prompt") ?? true)
      addsOpening = opening ?? false
    } else {
      let text = try fields.string("content")
      guard let text = try fields.string("prompt") ?? text else { throw .missing("prompt") }
      content = .text(text)
      addsOpening = opening ?? true
    }
  }
}

/// What `POST /detokenize` is asked: the text of ids.
struct DetokenizeBody {
  var model: String?
  var ids: [Int32]

  init(_ value: JSONValue, vocabulary: Int) throws(APIError) {
    let fields = try JSONFields(value)
    model = try fields.string("model")
    guard let tokens = try fields.array("tokens") else { throw .missing("tokens") }
    ids = tokens.isEmpty ? [] : try TextInput.ids(tokens, "tokens", vocabulary: vocabulary)
  }
}
