extension RecipeValue {
  /// YAML that reads back as the same tree: sections as blocks, lists of scalars on one line, numbers with
  /// all their digits.
  package var yaml: String {
    guard case .map(let entries) = content, !entries.isEmpty else { return inline + "\n" }
    var text = ""
    Self.write(entries, indent: 0, into: &text)
    return text
  }

  private static func write(_ entries: [Entry], indent: Int, into text: inout String) {
    for entry in entries {
      text += String(repeating: " ", count: indent) + quoted(entry.key) + ":"
      write(entry.value, indent: indent + 2, into: &text)
    }
  }

  /// What follows "key:": the rest of the line, or a block below it.
  private static func write(_ value: RecipeValue, indent: Int, into text: inout String) {
    switch value.content {
    case .map(let entries) where !entries.isEmpty:
      text += "\n"
      write(entries, indent: indent, into: &text)
    case .list(let values) where values.contains(where: \.isNested):
      text += "\n"
      for element in values {
        // A section's first key stands after its dash.
        var block = ""
        switch element.content {
        case .map(let entries) where !entries.isEmpty: write(entries, indent: indent + 2, into: &block)
        default: block = String(repeating: " ", count: indent + 2) + element.inline + "\n"
        }
        text += String(repeating: " ", count: indent) + "- " + block.dropFirst(indent + 2)
      }
    default: text += " " + value.inline + "\n"
    }
  }

  private var isNested: Bool {
    if case .map(let entries) = content { return !entries.isEmpty }
    return false
  }

  /// On one line, as YAML's flow style.
  package var inline: String {
    switch content {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .double(let value):
      value.isNaN ? ".nan" : value.isInfinite ? (value < 0 ? "-.inf" : ".inf") : "\(value)"
    case .string(let value): Self.quoted(value)
    case .list(let values): "[" + values.map(\.inline).joined(separator: ", ") + "]"
    case .map(let entries):
      "{" + entries.map { "\(Self.quoted($0.key)): \($0.value.inline)" }.joined(separator: ", ") + "}"
    }
  }

  /// `text` as it stands when it reads back as the same word, otherwise in double quotes.
  private static func quoted(_ text: String) -> String {
    let isWord = text.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-./".unicodeScalars.contains($0))
    }
    if isWord, !text.hasPrefix("-"), case .string = resolve(plain: text) { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case _
      where scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value)
        || [0x2028, 0x2029, 0xFEFF].contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
