/// What one side of a conversation says.
package struct ChatMessage: Sendable, Equatable {
  /// By convention system, user, assistant or tool; what a template makes of others is its own affair.
  package let role: String
  package let content: String
  package let name: String?
  /// Further members, such as `tool_calls`, in their order. One that is called role, content or name takes
  /// the place of that: so a message's content can be none, or a list of parts.
  package let others: TemplateMapping

  package init(role: String, content: String, name: String? = nil, others: TemplateMapping = .init()) {
    self.role = role
    self.content = content
    self.name = name
    self.others = others
  }

  /// As templates see it: role, content, name, then the others.
  package var value: TemplateValue {
    var members: TemplateMapping = ["role": .string(role), "content": .string(content)]
    if let name { members.append("name", .string(name)) }
    for entry in others.entries { members.append(entry.key, entry.value) }
    return .mapping(members)
  }
}
