/// The methods of strings, as Python has them.
extension Interpreter {
  func call(_ name: String, of text: String, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    try spend(text)
    switch name {
    case "strip", "lstrip", "rstrip":
      let characters = try bind(arguments, of: name, ["chars"]).string(0)
      let side: Text.Side = name == "strip" ? .both : name == "lstrip" ? .left : .right
      return .string(try stripped(text, side, characters))
    case "split", "rsplit", "splitlines", "partition", "rpartition":
      return try parts(name, of: text, arguments)
    case "startswith", "endswith", "removeprefix", "removesuffix":
      return try ends(name, of: text, arguments)
    case "find", "rfind", "index", "rindex", "count": return try places(name, of: text, arguments)
    case "replace":
      let parameters = try bind(arguments, of: name, ["old", "new", "count"], required: 2)
      guard let old = try parameters.string(0), let new = try parameters.string(1) else {
        throw failure("replace got none, expected strings")
      }
      return .string(try replaced(text, old, by: new, most: try parameters.integer(2) ?? -1))
    case "join":
      var result = ""
      let pieces = try elements(of: try bind(arguments, of: name, ["iterable"], required: 1).required(0))
      for (index, piece) in pieces.enumerated() {
        guard case .string(let piece) = piece else {
          throw failure("join got \(piece.article), expected strings")
        }
        if index > 0 { try append(text, to: &result) }
        try append(piece, to: &result)
      }
      return .string(result)
    default: break
    }
    _ = try bind(arguments, of: name)
    switch name {
    case "upper": return .string(Text.upper(text))
    case "lower": return .string(Text.lower(text))
    case "title": return .string(Text.title(text))
    case "capitalize": return .string(Text.capitalized(text))
    case "isupper": return .bool(Text.isCased(text, .upper))
    case "islower": return .bool(Text.isCased(text, .lower))
    case "isspace": return .bool(Text.consists(text, of: Text.isSpace))
    case "isalpha": return .bool(Text.consists(text, of: Text.isLetter))
    case "isdigit": return .bool(Text.consists(text, of: Text.isDigit))
    case "isalnum":
      return .bool(Text.consists(text) { Text.isLetter($0) || $0.properties.numericType != nil })
    default: throw failure("the method \(name) of strings is not supported")
    }
  }

  // MARK: Parts

  private func parts(_ name: String, of text: String, _ arguments: Arguments) throws(TemplateFailure) -> Value
  {
    switch name {
    case "splitlines":
      let keepsEnds = try bind(arguments, of: name, ["keepends"]).strictFlag(0)
      return try strings(Text.lines(text, keepsEnds: keepsEnds))
    case "partition", "rpartition":
      let separator = try separator(try bind(arguments, of: name, ["sep"], required: 1)) ?? ""
      let parts = TextSearch.split(text, at: separator, most: 1, fromEnd: name == "rpartition")
      if parts.count == 2 { return try strings([parts[0], separator, parts[1]], .tuple) }
      return try strings(name == "partition" ? [text, "", ""] : ["", "", text], .tuple)
    default:
      let parameters = try bind(arguments, of: name, ["sep", "maxsplit"])
      let most = try parameters.integer(1) ?? -1
      let limit = most < 0 ? Int.max : most
      if let separator = try separator(parameters) {
        return try strings(TextSearch.split(text, at: separator, most: limit, fromEnd: name == "rsplit"))
      }
      guard name == "rsplit" else { return try strings(Text.words(text, most: limit)) }
      let mirrored = Text.words(Text.string(text.unicodeScalars.reversed()), most: limit)
      return try strings(mirrored.reversed().map { Text.string($0.unicodeScalars.reversed()) })
    }
  }

  private func separator(_ parameters: Parameters) throws(TemplateFailure) -> String? {
    guard let separator = try parameters.string(0) else { return nil }
    try spend(separator)
    guard !separator.isEmpty else { throw failure("got an empty separator, expected some text") }
    return separator
  }

  private func strings(
    _ parts: [String], _ kind: ListValue.Kind = .list
  ) throws(TemplateFailure) -> Value {
    try list(parts.map { .string($0) }, kind)
  }

  // MARK: Ends and places

  private func ends(_ name: String, of text: String, _ arguments: Arguments) throws(TemplateFailure) -> Value
  {
    let parameters = try bind(arguments, of: name, ["affix"], required: 1)
    let atStart = name == "startswith" || name == "removeprefix"
    func has(_ affix: String) -> Bool {
      atStart ? text.utf8.starts(with: affix.utf8) : text.utf8.reversed().starts(with: affix.utf8.reversed())
    }
    if name == "removeprefix" || name == "removesuffix" {
      let affix = try parameters.string(0) ?? ""
      guard has(affix) else { return .string(text) }
      let count = affix.unicodeScalars.count
      let scalars = text.unicodeScalars
      return .string(String(atStart ? scalars.dropFirst(count) : scalars.dropLast(count)))
    }
    guard case .list(let affixes) = parameters.required(0), affixes.kind == .tuple else {
      guard let affix = try parameters.string(0) else { throw failure("\(name) got none, expected a string") }
      return .bool(has(affix))
    }
    for affix in affixes.elements {
      guard case .string(let affix) = affix else {
        throw failure("\(name) got \(affix.article) in a tuple, expected strings")
      }
      try spend(affix)
      if has(affix) { return .bool(true) }
    }
    return .bool(false)
  }

  private func places(_ name: String, of text: String, _ arguments: Arguments) throws(TemplateFailure)
    -> Value
  {
    guard let sought = try bind(arguments, of: name, ["sub"], required: 1).string(0) else {
      throw failure("\(name) got none, expected a string")
    }
    try spend(sought)
    let fromEnd = name.first == "r"
    if name == "count" {
      let count =
        sought.isEmpty ? text.unicodeScalars.count + 1 : TextSearch.offsets(of: sought, in: text).count
      return .integer(count)
    }
    let offset =
      sought.isEmpty
      ? (fromEnd ? text.utf8.count : 0)
      : TextSearch.offsets(of: sought, in: text, most: 1, fromEnd: fromEnd).first
    guard let offset else {
      guard name.hasSuffix("find") else { throw failure("\(name) got a text that is not in the string") }
      return .integer(-1)
    }
    return .integer(String(decoding: text.utf8.prefix(offset), as: UTF8.self).unicodeScalars.count)
  }
}
