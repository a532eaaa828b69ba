/// Values as text: Python's `str` and `repr`.
extension Interpreter {
  func text(of value: Value) throws(TemplateFailure) -> String {
    if case .string(let text) = value { return text }
    var result = ""
    try write(value, to: &result, level: 0)
    return result
  }

  /// Strings inside of other values are quoted.
  private func write(_ value: Value, to result: inout String, level: Int) throws(TemplateFailure) {
    try spend(1)
    // Values are not so deep, but namespaces may hold one another.
    guard level <= 2 * Limits.valueDepth else { throw failure("got values too deep in one another to write") }
    switch value {
    case .undefined: if level > 0 { try append("Undefined", to: &result) }
    case .none: try append("None", to: &result)
    case .bool(let value): try append(value ? "True" : "False", to: &result)
    case .integer(let value): try append(String(value), to: &result)
    case .number(let value): try append(NumberText.text(value), to: &result)
    case .string(let text): try append(level > 0 ? try quoted(text) : text, to: &result)
    case .list(let list): try write(list, to: &result, level: level)
    case .mapping(let mapping): try write(mapping.entries, to: &result, level: level)
    case .namespace(let id):
      try append("<Namespace ", to: &result)
      try write(namespaces[id].entries, to: &result, level: level)
      try append(">", to: &result)
    case .loop(let loop):
      try append("<LoopContext \(loop.index + 1)/\(loop.elements.count)>", to: &result)
    case .macro(let id): try append("<Macro '\(macros[id].definition.name)'>", to: &result)
    case .iterator, .method, .function:
      throw failure("got \(value.article), which has no text; a list has one, by the filter list")
    }
  }

  private func write(_ list: ListValue, to result: inout String, level: Int) throws(TemplateFailure) {
    switch list.kind {
    case .range(let start, let stop, let step):
      return try append("range(\(start), \(stop)" + (step == 1 ? ")" : ", \(step))"), to: &result)
    case .view(let part): try append("dict_\(part)([", to: &result)
    case .list: try append("[", to: &result)
    case .tuple: try append("(", to: &result)
    }
    for (index, element) in list.elements.enumerated() {
      if index > 0 { try append(", ", to: &result) }
      try write(element, to: &result, level: level + 1)
    }
    switch list.kind {
    case .tuple: try append(list.elements.count == 1 ? ",)" : ")", to: &result)
    case .list: try append("]", to: &result)
    default: try append("])", to: &result)
    }
  }

  private func write(
    _ entries: [(key: Value, value: Value)], to result: inout String, level: Int
  ) throws(TemplateFailure) {
    try append("{", to: &result)
    for (index, entry) in entries.enumerated() {
      if index > 0 { try append(", ", to: &result) }
      try write(entry.key, to: &result, level: level + 1)
      try append(": ", to: &result)
      try write(entry.value, to: &result, level: level + 1)
    }
    try append("}", to: &result)
  }

  /// Python's `repr` of a string: in single quotes, unless it holds some and no double ones.
  private func quoted(_ text: String) throws(TemplateFailure) -> String {
    try spend(text)
    let scalars = text.unicodeScalars
    let quote: Unicode.Scalar = scalars.contains("'") && !scalars.contains("\"") ? "\"" : "'"
    var result = String.UnicodeScalarView([quote])
    for scalar in scalars {
      switch scalar {
      case quote, "\\": result.append(contentsOf: ["\\", scalar])
      case "\n": result.append(contentsOf: ["\\", "n"])
      case "\r": result.append(contentsOf: ["\\", "r"])
      case "\t": result.append(contentsOf: ["\\", "t"])
      default:
        if Self.isPrinted(scalar) {
          result.append(scalar)
        } else {
          result.append(contentsOf: Self.escape(scalar).unicodeScalars)
        }
      }
    }
    result.append(quote)
    return String(result)
  }

  private static func isPrinted(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return 0x20..<0x7F ~= scalar.value }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .spaceSeparator:
      return false
    default: return true
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let (mark, count) =
      scalar.value < 0x100 ? ("\\x", 2) : scalar.value < 0x10000 ? ("\\u", 4) : ("\\U", 8)
    return mark + String(repeating: "0", count: count - digits.count) + digits
  }
}
