import Generation
import JSON
import Serving

/// `<s><|user|>CONTENT<|end|>…<|assistant|>`, contents trimmed as many templates do.
struct PlainTemplate: ChatRenderer {
  let source: String? = "{{ messages }}"
  var refusesTools = true

  func prompt(_ messages: [JSONValue], tools: JSONValue?, addsGenerationPrompt: Bool) throws(ChatFailure)
    -> String
  {
    var text = "<s>"
    if let tools { text += "TOOLS \(tools)" }
    for message in messages {
      guard case .object(let members) = message else { throw ChatFailure("a message is no object") }
      var fields: [String: String] = [:]
      for member in members {
        if case .string(let text) = member.value { fields[member.key] = text }
      }
      let role = fields["role"] ?? "?"
      if role == "tool", refusesTools { throw ChatFailure("it has no tools") }
      let content = (fields["content"] ?? "").drop { $0.isWhitespace }.reversed()
        .drop { $0.isWhitespace }.reversed()
      text += role == "user" ? "<|user|>" : role == "assistant" ? "<|assistant|>" : role + ": "
      text += String(content) + "<|end|>"
    }
    return text + (addsGenerationPrompt ? "<|assistant|>" : "")
  }
}
