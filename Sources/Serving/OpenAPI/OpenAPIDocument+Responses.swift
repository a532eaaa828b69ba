// Schemas of what clients get.
extension OpenAPIDocument {
  var responseSchemas: String {
    [
      schema("Error", [("error", ref("ErrorBody"))]),
      schema(
        "ErrorBody", [("message", string), ("type", string), ("param", optional), ("code", optional)]),
      schema("Health", [("status", #"{"enum":["ok","loading","failed"]}"#)]),
      schema("Models", [("object", const("list")), ("data", array(ref("Model")))]),
      schema(
        "Model",
        [
          ("id", string), ("object", const("model")), ("created", integer), ("owned_by", string),
          ("max_model_len", integer),
        ]),
      schema(
        "TokenizerInfo",
        [
          ("tokenizer_class", string), ("vocab_size", integer), ("model_max_length", integer),
          ("add_bos_token", bool), ("bos_token", optional), ("eos_token", optional), ("pad_token", optional),
          ("chat_template", optional),
        ]),
      schema("Tokenize", [("count", integer), ("max_model_len", integer), ("tokens", array(integer))]),
      schema("Detokenize", [("prompt", string)]),
      schema(
        "Usage",
        [
          ("prompt_tokens", integer), ("completion_tokens", integer), ("total_tokens", integer),
          ("prompt_tokens_details", object([("cached_tokens", integer)])),
        ]),
      schema(
        "Embeddings",
        [
          ("object", const("list")), ("data", array(ref("Embedding"))), ("model", string),
          ("usage", object([("prompt_tokens", integer), ("total_tokens", integer)])),
        ]),
      schema(
        "Embedding",
        [
          ("object", const("embedding")), ("index", integer),
          ("embedding", #"{"oneOf":[{"type":"array","items":{"type":"number"}},{"type":"string"}]}"#),
        ]),
      // Of a stream: `data` is a chunk as JSON, at the end `[DONE]`.
      schema("Event", [("data", string)]), answers,
    ].joined(separator: ",")
  }

  private var answers: String {
    func answer(_ name: String, _ kind: String, choice: String) -> String {
      schema(
        name,
        [
          ("id", string), ("object", const(kind)), ("created", integer), ("model", string),
          ("system_fingerprint", string), ("choices", array(choice)), ("usage", ref("Usage")),
        ])
    }
    let finish = #"{"enum":["stop","length"]}"#
    let scores = object([
      ("tokens", array(string)), ("token_logprobs", array(#"{"type":["number","null"]}"#)),
      ("top_logprobs", array(#"{"type":["object","null"],"additionalProperties":{"type":"number"}}"#)),
      ("text_offset", array(integer)),
    ])
    let token = [("token", string), ("logprob", #"{"type":["number","null"]}"#), ("bytes", array(integer))]
    let chatScores = object([
      ("content", array(object(token + [("top_logprobs", array(object(token)))]))),
      ("refusal", #"{"type":"null"}"#),
    ])
    let message = object([
      ("role", const("assistant")), ("content", string), ("refusal", #"{"type":"null"}"#),
    ])
    return [
      answer(
        "Completion", "text_completion",
        choice: object([
          ("index", integer), ("text", string), ("logprobs", orNull(scores)), ("finish_reason", finish),
        ])),
      answer(
        "Chat", "chat.completion",
        choice: object([
          ("index", integer), ("message", message), ("logprobs", orNull(chatScores)),
          ("finish_reason", finish),
        ])),
    ].joined(separator: ",")
  }

  // MARK: Parts

  private var string: String { #"{"type":"string"}"# }
  private var optional: String { #"{"type":["string","null"]}"# }
  private var integer: String { #"{"type":"integer"}"# }
  private var bool: String { #"{"type":"boolean"}"# }

  private func const(_ text: String) -> String { #"{"const":"\#(text)"}"# }
  private func array(_ items: String) -> String { #"{"type":"array","items":\#(items)}"# }
  private func orNull(_ schema: String) -> String { #"{"oneOf":[\#(schema),{"type":"null"}]}"# }
  private func ref(_ name: String) -> String { ##"{"$ref":"#/components/schemas/\##(name)"}"## }

  /// An object all of whose members are always there.
  private func object(_ members: [(name: String, schema: String)]) -> String {
    let names = members.map { "\"\($0.name)\"" }.joined(separator: ",")
    let properties = members.map { "\"\($0.name)\":\($0.schema)" }.joined(separator: ",")
    return #"{"type":"object","required":[\#(names)],"properties":{\#(properties)}}"#
  }

  private func schema(_ name: String, _ members: [(name: String, schema: String)]) -> String {
    "\"\(name)\":\(object(members))"
  }
}
