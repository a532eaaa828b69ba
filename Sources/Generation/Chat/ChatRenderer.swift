import JSON

/// A model's chat template.
package protocol ChatRenderer: Sendable {
  /// The template as the model's files have it, for those who render it themselves.
  var source: String? { get }

  /// The prompt of a conversation, special tokens written out.
  ///
  /// `messages` are objects with at least `role` and `content` (a string or null); `tools` is what the client
  /// sent. Throws a `ChatFailure` where the template refuses the conversation.
  func prompt(_ messages: [JSONValue], tools: JSONValue?, addsGenerationPrompt: Bool) throws(ChatFailure)
    -> String
}

/// Why a template did not take a conversation, in its words.
package struct ChatFailure: Error, CustomStringConvertible, Sendable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
