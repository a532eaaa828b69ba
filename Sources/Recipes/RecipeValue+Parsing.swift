import Yams

extension RecipeValue {
  /// Bounds that no honest recipe meets and no hostile one passes.
  private enum Limit {
    static let bytes = 1 << 20
    static let depth = 64
    static let values = 100_000
    /// k references expand a document at most 3^(k/3)-fold, so 24 keep it in the thousands.
    static let aliases = 24
  }

  /// Reads one YAML document; JSON is YAML too. An empty document is null.
  ///
  /// Throws with `source` and the line when the text is no YAML, has two documents, the same key twice,
  /// tags, or passes the limits on size and nesting.
  package init(yaml: String, source: String) throws(RecipeFailure) {
    try self.init(yaml, Reading(source: source, countsLines: true))
  }

  /// Reads the value of a `--set path=value`; its place is the override itself.
  init(inline yaml: String, override: String) throws(RecipeFailure) {
    try self.init(yaml, Reading(source: override, countsLines: false))
  }

  /// What is being read, and how places in it are named.
  private struct Reading {
    let source: String
    let countsLines: Bool

    func place(_ line: Int?) -> Place { Place(source: source, line: countsLines ? line ?? 1 : nil) }
    func place(_ node: Node) -> Place { place(node.mark?.line) }
  }

  private init(_ yaml: String, _ reading: Reading) throws(RecipeFailure) {
    guard yaml.utf8.count <= Limit.bytes else {
      throw RecipeFailure("\(reading.source): expected at most 1 MiB, got \(yaml.utf8.count) bytes")
    }
    guard Self.aliasCount(yaml) <= Limit.aliases else {
      throw RecipeFailure("\(reading.source): expected at most \(Limit.aliases) aliases (*name), got more")
    }
    let root: Node?
    do {
      root = try Parser(yaml: yaml, encoding: .utf8).singleRoot()
    } catch {
      throw RecipeFailure(Self.sentence(about: error, reading))
    }
    guard let root else {
      self.init(.null, at: reading.place(nil))
      return
    }
    var budget = Limit.values
    try self.init(root, reading, depth: 0, &budget)
  }

  private init(_ node: Node, _ reading: Reading, depth: Int, _ budget: inout Int) throws(RecipeFailure) {
    let place = reading.place(node)
    budget -= 1
    guard budget >= 0 else {
      throw RecipeFailure("\(place): expected at most \(Limit.values) values, got more; are aliases nested?")
    }
    guard depth < Limit.depth else {
      throw RecipeFailure("\(place): expected at most \(Limit.depth) levels of nesting, got more")
    }
    switch node {
    case .scalar(let scalar):
      let tag = scalar.tag.description
      // Quoted words bear this tag unasked.
      let isString = tag == Tag.Name.str.rawValue
      guard isString || tag.isEmpty else {
        throw RecipeFailure("\(place): expected a plain value, got one with the tag \(tag)")
      }
      content =
        isString || scalar.style != .plain
        ? .string(scalar.string) : Self.resolve(plain: scalar.string)
    case .sequence(let sequence):
      var values: [RecipeValue] = []
      for element in sequence {
        values.append(try RecipeValue(element, reading, depth: depth + 1, &budget))
      }
      content = .list(values)
    case .mapping(let mapping):
      var entries: [Entry] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else {
          throw RecipeFailure("\(reading.place(key)): expected a word as a key, got a list or a section")
        }
        entries.append(
          Entry(
            key: name.string, value: try RecipeValue(value, reading, depth: depth + 1, &budget),
            place: reading.place(key)))
      }
      content = .map(entries)
    case .alias:
      throw RecipeFailure("\(place): an alias points nowhere")
    }
    self.place = place
  }

  /// What an unquoted word means: YAML 1.2's core schema without octal and hexadecimal numbers, so that
  /// `2e-4` is a number and `no` is a word; digits may be grouped as 1_000.
  static func resolve(plain text: String) -> Content {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".inf", "+.inf", ".Inf", ".INF": return .double(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
    case ".nan", ".NaN", ".NAN": return .double(.nan)
    default: break
    }
    guard text.utf8.allSatisfy({ "0123456789+-.eE_".utf8.contains($0) }),
      let first = text.unicodeScalars.first, first != "_", first != "e", first != "E",
      !text.hasSuffix("_")
    else { return .string(text) }
    let digits = text.replacing("_", with: "")
    if let integer = Int(digits) { return .integer(integer) }
    if let double = Double(digits), double.isFinite { return .double(double) }
    return .string(text)
  }

  /// Words that begin with `*`: at least as many as the document has aliases.
  private static func aliasCount(_ yaml: String) -> Int {
    var count = 0
    var before = UInt8(ascii: " ")
    for byte in yaml.utf8 {
      if byte == UInt8(ascii: "*"), " \t\r\n[]{},:?-".utf8.contains(before) { count += 1 }
      before = byte
    }
    return count
  }

  private static func sentence(about error: any Error, _ reading: Reading) -> String {
    switch error as? YamlError {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let words = [context?.text ?? "", problem].filter { !$0.isEmpty }.joined(separator: ", ")
      return "\(reading.place(mark.line)): not YAML: \(words)"
    case .duplicatedKeysInMapping(let keys, let context):
      let place = reading.place(context.mark.line)
      return "\(place): the key \(keys.joined(separator: ", ")) stands twice; keep one"
    case .reader(let problem, _, _, _): return "\(reading.source): not text: \(problem)"
    default: return "\(reading.source): not YAML: \(error)"
    }
  }
}
