/// A value of a recipe, with the place it was written at: the tree between YAML text and `Codable` types.
package struct RecipeValue: Sendable {
  package indirect enum Content: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case list([RecipeValue])
    case map([Entry])
  }

  /// A key of a map, in the order written, with the place of the key itself.
  package struct Entry: Sendable {
    package let key: String
    package let value: RecipeValue
    package let place: Place?
  }

  /// Where a value was written.
  package struct Place: Sendable, Equatable, CustomStringConvertible {
    /// The file's name, or the whole `--set path=value`.
    package let source: String
    /// Counted from 1; nil for `--set`.
    package let line: Int?

    package var description: String { line.map { "\(source):\($0)" } ?? source }
    /// As it reads after a noun: "at recipe.yaml:4", "in --set model.layer=2".
    var preposition: String { line == nil ? "in \(source)" : "at \(source):\(line ?? 0)" }
  }

  package let content: Content
  /// Nil for values that come from the program's defaults.
  package let place: Place?

  package init(_ content: Content, at place: Place? = nil) {
    self.content = content
    self.place = place
  }

  /// The entries of a map; nil for anything else.
  package var entries: [Entry]? {
    if case .map(let entries) = content { entries } else { nil }
  }

  var isNull: Bool {
    if case .null = content { true } else { false }
  }

  package subscript(key: String) -> RecipeValue? {
    entries?.first { $0.key == key }?.value
  }

  /// As a sentence says what was got: short, on one line.
  var brief: String {
    switch content {
    case .null: "nothing"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let value):
      "\"\(value.count > 60 ? value.prefix(57) + "…" : value[...])\"".replacing("\n", with: " ")
    case .list(let values): values.count == 1 ? "a list of one" : "a list of \(values.count)"
    case .map(let entries): "a section with \(entries.count) key\(entries.count == 1 ? "" : "s")"
    }
  }

  /// The dotted paths of all keys below, sections before what they hold.
  func paths(below prefix: String = "") -> [String] {
    (entries ?? []).flatMap { entry in
      let path = prefix.isEmpty ? entry.key : "\(prefix).\(entry.key)"
      return [path] + entry.value.paths(below: path)
    }
  }
}
