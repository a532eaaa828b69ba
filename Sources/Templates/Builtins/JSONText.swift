/// The filter `tojson` as transformers has it: Python's `json.dumps`, nothing escaped for HTML.
extension Interpreter {
  func json(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> String {
    let parameters = try bind(
      arguments, of: "tojson", ["ensure_ascii", "indent", "separators", "sort_keys"])
    var text = JSONText(interpreter: self)
    text.isASCII = parameters.flag(0)
    text.sortsKeys = parameters.flag(3)
    switch parameters[1] {
    case nil, .some(.none): break
    case .string(let indentation): text.indentation = indentation
    case .some:
      let width = max(0, try parameters.integer(1) ?? 0)
      try make(bytes: width)
      text.indentation = String(repeating: " ", count: width)
    }
    if text.indentation != nil { text.separators.item = "," }
    if let given = parameters[2], !given.isNone {
      let pair = try elements(of: given)
      guard pair.count == 2, case .string(let item) = pair[0], case .string(let key) = pair[1] else {
        throw failure("tojson got \(given.article) as separators, expected a pair of strings")
      }
      text.separators = (item, key)
    }
    try text.write(value, level: 0)
    return text.result
  }
}

private struct JSONText {
  let interpreter: Interpreter
  var isASCII = false
  var sortsKeys = false
  /// Of one level; nil for a text without newlines.
  var indentation: String?
  var separators = (item: ", ", key: ": ")
  private(set) var result = ""

  init(interpreter: Interpreter) { self.interpreter = interpreter }

  private mutating func append(_ text: String) throws(TemplateFailure) {
    try interpreter.append(text, to: &result)
  }

  mutating func write(_ value: Value, level: Int) throws(TemplateFailure) {
    try interpreter.spend(1)
    switch value {
    case .none: try append("null")
    case .bool(let value): try append(value ? "true" : "false")
    case .integer(let value): try append(String(value))
    case .number(let value): try append(Self.text(value))
    case .string(let text): try append(try quoted(text))
    case .list(let list) where list.kind == .list || list.kind == .tuple:
      try write(list.elements, level: level)
    case .mapping(let mapping): try write(mapping, level: level)
    default: throw interpreter.failure("tojson got \(value.article), which JSON cannot say")
    }
  }

  private static func text(_ value: Double) -> String {
    value.isNaN
      ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : NumberText.text(value)
  }

  private mutating func newline(_ level: Int) throws(TemplateFailure) {
    guard let indentation else { return }
    try append("\n")
    for _ in 0..<level { try append(indentation) }
  }

  private mutating func write(_ elements: [Value], level: Int) throws(TemplateFailure) {
    try append("[")
    for (index, element) in elements.enumerated() {
      if index > 0 { try append(separators.item) }
      try newline(level + 1)
      try write(element, level: level + 1)
    }
    if !elements.isEmpty { try newline(level) }
    try append("]")
  }

  private mutating func write(_ mapping: MappingValue, level: Int) throws(TemplateFailure) {
    var pairs = mapping.entries.map { (key: $0.key, element: $0.value) }
    if sortsKeys { pairs = try interpreter.sorted(pairs, reverse: false) }
    try append("{")
    for (index, pair) in pairs.enumerated() {
      if index > 0 { try append(separators.item) }
      try newline(level + 1)
      try append(try quoted(try text(ofKey: pair.key)))
      try append(separators.key)
      try write(pair.element, level: level + 1)
    }
    if !pairs.isEmpty { try newline(level) }
    try append("}")
  }

  private func text(ofKey key: Value) throws(TemplateFailure) -> String {
    switch key {
    case .string(let text): return text
    case .none: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .integer(let value): return String(value)
    case .number(let value): return Self.text(value)
    default: throw interpreter.failure("tojson got \(key.article) as a key, which JSON cannot say")
    }
  }

  private func quoted(_ text: String) throws(TemplateFailure) -> String {
    try interpreter.spend(text)
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      default:
        if scalar.value < 0x20 || (isASCII && !scalar.isASCII) {
          for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
          }
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
