import Hummingbird
import Tokenizers

// What a client needs of the tokenizer to count and score: the addresses and members are vLLM's, which lm_eval's
// `tokenizer_backend=remote` asks.
extension Endpoints {
  func tokenize(_ request: Request) async throws -> Response {
    let model = try slot.ready()
    let body = try TokenizeBody(try await body(request), limits: config.limits)
    try model.check(body.model)
    var ids = body.addsOpening ? model.tokenizer.opening : []
    switch body.content {
    case .text(let text): ids += model.tokenizer.encode(text, specials: .asIds)
    case .messages(let messages, let tools, let addsGenerationPrompt):
      ids += try chatIDs(
        of: messages, tools: tools, addsGenerationPrompt: addsGenerationPrompt, model)
    }
    var output = JSONOutput(capacity: ids.count * 6 + 64)
    output.raw(#"{"count":"#)
    output.integer(ids.count)
    output.raw(#","max_model_len":"#)
    output.integer(model.context)
    output.raw(#","tokens":["#)
    for (index, id) in ids.enumerated() {
      if index > 0 { output.comma() }
      output.integer(Int(id))
    }
    output.raw("]}")
    return .json(output)
  }

  func detokenize(_ request: Request) async throws -> Response {
    let model = try slot.ready()
    let body = try DetokenizeBody(try await body(request), vocabulary: model.tokenizer.vocabularySize)
    try model.check(body.model)
    var output = JSONOutput()
    output.raw(#"{"prompt":"#)
    output.string(model.tokenizer.text(of: body.ids))
    output.raw("}")
    return .json(output)
  }

  func tokenizerInfo(_ model: ServedModel) -> Response {
    let tokenizer = model.tokenizer
    func special(_ id: Int32?) -> String? { id.map { model.tokens.name($0) } }
    let pad = ["<pad>", "[PAD]", "<|pad|>"].first { tokenizer.id(ofSpecial: $0) != nil }
    var output = JSONOutput()
    output.raw(#"{"tokenizer_class":"needletail","vocab_size":"#)
    output.integer(tokenizer.vocabularySize)
    output.raw(#","model_max_length":"#)
    output.integer(model.context)
    output.raw(#","add_bos_token":"#)
    output.raw(tokenizer.opening.isEmpty ? "false" : "true")
    output.raw(#","bos_token":"#)
    output.optional(special(tokenizer.beginningOfText))
    output.raw(#","eos_token":"#)
    output.optional(special(tokenizer.endOfText))
    output.raw(#","pad_token":"#)
    output.optional(pad)
    output.raw(#","chat_template":"#)
    output.optional(model.chat?.source)
    output.raw("}")
    return .json(output)
  }
}
