/// The server's OpenAPI 3.1 document. Where a model is loaded it is exact about its name and its tokens.
struct OpenAPIDocument {
  let limits: RequestLimits
  let needsKey: Bool
  /// As JSON: the names that `model` may have.
  let modelSchema: String
  let largestToken: Int
  let idPattern: String

  init(_ config: ServerConfig, _ model: ServedModel?) {
    limits = config.limits
    needsKey = !config.keys.isEmpty
    largestToken = (model?.tokenizer.vocabularySize).map { $0 - 1 } ?? Int(Int32.max)
    idPattern = Self.pattern(upTo: largestToken)
    var output = JSONOutput()
    if let model {
      output.raw(#"{"type":["string","null"],"enum":["#)
      output.string(model.name)
      output.raw(",null]}")
    } else {
      output.raw(#"{"type":["string","null"]}"#)
    }
    modelSchema = String(buffer: output.buffer)
  }

  /// A regular expression of the decimal numbers from 0 to `largest`.
  static func pattern(upTo largest: Int) -> String {
    let digits = String(largest).map { String($0) }
    var cases: [String] = []
    if digits.count > 1 {
      cases.append("0")
      for count in 1..<digits.count { cases.append("[1-9]" + String(repeating: "[0-9]", count: count - 1)) }
    }
    for (index, digit) in digits.enumerated() {
      guard let digit = Int(digit) else { continue }
      let least = index == 0 && digits.count > 1 ? 1 : 0
      guard digit > least else { continue }
      cases.append(
        digits[..<index].joined() + "[\(least)-\(digit - 1)]"
          + String(repeating: "[0-9]", count: digits.count - index - 1))
    }
    cases.append(digits.joined())
    return "^(" + cases.joined(separator: "|") + ")$"
  }

  var text: String {
    """
    {"openapi":"3.1.0","info":{"title":"Needletail","version":"1","description":"OpenAI's HTTP API over one model. \
    Members that are not named here are ignored."},\(needsKey ? #""security":[{"key":[]}],"# : "")"paths":{\(paths)},\
    "components":{"securitySchemes":{"key":{"type":"http","scheme":"bearer"}},\
    "responses":{\(errorResponses)},"schemas":{\(requestSchemas),\(responseSchemas)}}}
    """
  }

  // MARK: Paths

  private var paths: String {
    [
      read("/", "page", "The chat page", #"{"text/html":{"schema":{"type":"string"}}}"#, [], isOpen: true),
      """
      "/health":{"get":{"operationId":"health","summary":"Whether the model is loaded","security":[],"responses":{\
      "200":{"description":"It is","content":{"application/json":{"schema":{"$ref":"#/components/schemas/Health"}}}},\
      "503":{"description":"It is not yet","content":{"application/json":{"schema":\
      {"$ref":"#/components/schemas/Health"}}}}}}}
      """,
      read(
        "/metrics", "metrics", "Figures for Prometheus", #"{"text/plain":{"schema":{"type":"string"}}}"#, []),
      read(
        "/openapi.json", "openapi", "This document", #"{"application/json":{"schema":{"type":"object"}}}"#, []
      ),
      read("/v1/models", "models", "The model that is served", json("Models"), ["503"]),
      model,
      read("/tokenizer_info", "tokenizer_info", "What the tokenizer is", json("TokenizerInfo"), ["503"]),
      posted("/v1/completions", "completions", "Continue prompts", "Completion", hasStream: true),
      posted("/v1/chat/completions", "chat", "Answer messages", "Chat", hasStream: true),
      posted("/v1/embeddings", "embeddings", "Embed texts", "Embeddings"),
      posted("/tokenize", "tokenize", "The tokens of a text", "Tokenize"),
      posted("/detokenize", "detokenize", "The text of tokens", "Detokenize"),
    ].joined(separator: ",")
  }

  private func json(_ schema: String) -> String {
    ##"{"application/json":{"schema":{"$ref":"#/components/schemas/\##(schema)"}}}"##
  }

  private func errors(_ codes: [String]) -> String {
    (codes + (needsKey ? ["401"] : [])).sorted()
      .map { ##","\##($0)":{"$ref":"#/components/responses/Error\##($0)"}"## }.joined()
  }

  private func read(
    _ path: String, _ name: String, _ summary: String, _ content: String, _ codes: [String],
    isOpen: Bool = false
  ) -> String {
    """
    "\(path)":{"get":{"operationId":"\(name)","summary":"\(summary)",\(isOpen ? #""security":[],"# : "")"responses":{\
    "200":{"description":"It","content":\(content)}\(isOpen ? "" : errors(codes))}}}
    """
  }

  private var model: String {
    """
    "/v1/models/{model}":{"get":{"operationId":"model","summary":"The model of this name","parameters":[\
    {"name":"model","in":"path","required":true,"schema":{"type":"string","minLength":1}}],"responses":{\
    "200":{"description":"It","content":\(json("Model"))}\(errors(["404", "503"]))}}}
    """
  }

  private func posted(
    _ path: String, _ name: String, _ summary: String, _ schema: String, hasStream: Bool = false
  ) -> String {
    let stream = hasStream ? ##","text/event-stream":{"schema":{"$ref":"#/components/schemas/Event"}}"## : ""
    return """
      "\(path)":{"post":{"operationId":"\(name)","summary":"\(summary)","requestBody":{"required":true,"content":\
      \(json(schema + "Request"))},"responses":{"200":{"description":"It","content":\
      \(json(schema).dropLast())\(stream)}}\
      \(errors(["400", "404", "408", "413", "415", "429", "500", "503"]))}}}
      """
  }

  private var errorResponses: String {
    [
      ("400", "What is asked cannot be"), ("401", "An API key is needed"), ("404", "There is no such model"),
      ("408", "The body came too slowly"), ("413", "The body is too large"), ("415", "The body is not JSON"),
      ("429", "Too much is asked at once"), ("500", "The server failed"), ("503", "The model is not ready"),
    ].map { #""Error\#($0)":{"description":"\#($1)","content":\#(json("Error"))}"# }.joined(separator: ",")
  }
}
