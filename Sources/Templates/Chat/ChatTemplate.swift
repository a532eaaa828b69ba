/// How a model was taught to read a conversation: as one text, with marks between the messages.
package struct ChatTemplate: Sendable {
  /// The template itself.
  package let source: String
  /// The text of the model's special tokens, by the names that templates know them by: `bos_token`,
  /// `eos_token` and the like.
  package let tokens: [String: String]
  private let template: Template

  package var bosToken: String? { tokens["bos_token"] }
  package var eosToken: String? { tokens["eos_token"] }

  package init(
    source: String, bosToken: String? = nil, eosToken: String? = nil, otherTokens: [String: String] = [:]
  ) throws(TemplateFailure) {
    self.source = source
    var tokens = otherTokens
    if let bosToken { tokens["bos_token"] = bosToken }
    if let eosToken { tokens["eos_token"] = eosToken }
    self.tokens = tokens
    template = try Template(source)
  }

  /// The conversation as one text. Most templates write `bos_token` themselves, so that what encodes the text
  /// must not put another before it.
  ///
  /// - Parameters:
  ///   - addGenerationPrompt: ends with what the assistant's answer begins behind.
  ///   - values: what else the template may read, such as `tools` and `documents`, which are none otherwise.
  ///   - date: what `strftime_now` writes; a template that asks for it without one fails.
  package func render(
    _ messages: [ChatMessage], addGenerationPrompt: Bool, values: [String: TemplateValue] = [:],
    at date: TemplateDate? = nil
  ) throws(TemplateFailure) -> String {
    var all: [String: TemplateValue] = ["tools": .none, "documents": .none]
    for (name, token) in tokens { all[name] = .string(token) }
    for (name, value) in values { all[name] = value }
    all["messages"] = .list(messages.map(\.value))
    all["add_generation_prompt"] = .bool(addGenerationPrompt)
    return try template.render(all, at: date)
  }
}
