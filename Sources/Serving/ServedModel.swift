import Generation
import Tokenizers

/// A model as clients see it.
package struct ServedModel: Sendable {
  /// The name that requests give in `model`.
  package var name: String
  /// When it was made, in seconds since 1970.
  package var created: Int
  package var tokenizer: any Tokenizer
  package var service: any GenerationService
  /// The model's chat template; nil: it has none, and chat is refused.
  package let chat: (any ChatRenderer)?
  /// Tokens that end a text.
  package var stops: Set<Int32>
  /// Tokens that end an answer in a chat.
  package var chatStops: Set<Int32>
  /// Special tokens, which add nothing to a text that is given out.
  let hidden: Set<Int32>
  let tokens: TokenNames
  /// Turns messages into token ids, where there is a template.
  let chatPrompt: ChatPrompt?

  package init(
    name: String, created: Int, tokenizer: any Tokenizer, service: any GenerationService,
    chat: (any ChatRenderer)? = nil, stops: Set<Int32>? = nil, chatStops: Set<Int32>? = nil
  ) {
    self.name = name
    self.created = created
    self.tokenizer = tokenizer
    self.service = service
    self.chat = chat
    let stops = stops ?? Set([tokenizer.endOfText].compactMap(\.self))
    self.stops = stops
    self.chatStops = chatStops ?? stops
    hidden = Set(tokenizer.specialTokens.map(\.id))
    tokens = TokenNames(tokenizer)
    chatPrompt = chat.map { ChatPrompt($0, tokenizer) }
  }

  /// Tokens that a prompt and what is written may have together.
  var context: Int { service.context }

  /// Throws where a request names another model.
  func check(_ name: String?) throws(APIError) {
    guard let name, name != self.name else { return }
    throw .unknownModel(name, expected: self.name)
  }
}

extension APIError {
  static func unknownModel(_ name: String, expected: String) -> APIError {
    var error = notFound(
      "there is no model \(name.prefix(100).debugDescription) here, expected \(expected.debugDescription)",
      code: "model_not_found")
    error.parameter = "model"
    return error
  }
}
