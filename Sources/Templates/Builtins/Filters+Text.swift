/// Filters that make a text of a text.
extension Interpreter {
  func textFilter(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let text = try text(of: value)
    try spend(text)
    switch name {
    case "trim":
      let characters = try bind(arguments, of: name, ["chars"]).string(0)
      return .string(try stripped(text, .both, characters))
    case "replace": return .string(try replaced(text, arguments))
    case "indent":
      guard case .string = value else { throw failure("indent got \(value.article), expected a string") }
      return .string(try indented(text, arguments))
    default: break
    }
    _ = try bind(arguments, of: name)
    return switch name {
    case "upper": .string(Text.upper(text))
    case "lower": .string(Text.lower(text))
    case "capitalize": .string(Text.capitalized(text))
    case "title": .string(Self.titled(text))
    default: .string(text)
    }
  }

  /// Without the characters, or without white space, at the ends.
  func stripped(
    _ text: String, _ side: Text.Side, _ characters: String?
  ) throws(TemplateFailure) -> String {
    guard let characters else { return Text.strip(text, side, Text.isSpace) }
    try spend(characters)
    let set = Set(characters.unicodeScalars)
    return Text.strip(text, side) { set.contains($0) }
  }

  private func replaced(_ text: String, _ arguments: Arguments) throws(TemplateFailure) -> String {
    let parameters = try bind(arguments, of: "replace", ["old", "new", "count"], required: 2)
    let (old, new) = (try self.text(of: parameters.required(0)), try self.text(of: parameters.required(1)))
    return try replaced(text, old, by: new, most: try parameters.integer(2) ?? -1)
  }

  /// At most `most` times from the left; all where it is negative.
  func replaced(
    _ text: String, _ old: String, by new: String, most: Int
  ) throws(TemplateFailure) -> String {
    let most = most < 0 ? Int.max : most
    try spend(text)
    try spend(old)
    guard old.isEmpty else {
      let offsets = TextSearch.offsets(of: old, in: text, most: most)
      try make(bytes: grown(text, by: offsets.count, times: new.utf8.count - old.utf8.count))
      return TextSearch.split(text, at: old, most: most).joined(separator: new)
    }
    // Python puts the new text before each character and at the end.
    let places = min(text.unicodeScalars.count + 1, most)
    try make(bytes: grown(text, by: places, times: new.utf8.count))
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index < places { result += new }
      result.unicodeScalars.append(scalar)
    }
    return places > text.unicodeScalars.count ? result + new : result
  }

  /// The size of a text with insertions, without overflow.
  private func grown(_ text: String, by count: Int, times size: Int) -> Int {
    let (growth, overflow) = count.multipliedReportingOverflow(by: size)
    return overflow ? .max : text.utf8.count.addingReportingOverflow(growth).partialValue
  }

  private func indented(_ text: String, _ arguments: Arguments) throws(TemplateFailure) -> String {
    let parameters = try bind(arguments, of: "indent", ["width", "first", "blank"])
    let indentation: String
    if case .string(let text)? = parameters[0] {
      indentation = text
    } else {
      let width = max(0, try parameters.integer(0) ?? 4)
      try make(bytes: width)
      indentation = String(repeating: " ", count: width)
    }
    var result = parameters.flag(1) ? indentation : ""
    for (index, line) in Text.lines(text + "\n").enumerated() {
      if index > 0 {
        try append("\n", to: &result)
        if !line.isEmpty || parameters.flag(2) { try append(indentation, to: &result) }
      }
      try append(line, to: &result)
    }
    return result
  }

  /// The first character behind white space, `-` or an opening bracket upper case, the others lower case.
  private static func titled(_ text: String) -> String {
    var result = ""
    var word = String.UnicodeScalarView()
    func isBreak(_ scalar: Unicode.Scalar) -> Bool {
      Text.isSpace(scalar) || ["-", "(", "{", "[", "<"].contains(scalar)
    }
    func flush() {
      if let first = word.first { result += Text.upper(String(first)) + Text.lower(String(word.dropFirst())) }
      word.removeAll()
    }
    for scalar in text.unicodeScalars {
      if let last = word.last, isBreak(last) != isBreak(scalar) { flush() }
      word.append(scalar)
    }
    flush()
    return result
  }
}
