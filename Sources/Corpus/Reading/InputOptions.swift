/// How the inputs of a corpus are to be read.
package struct InputOptions: Sendable, Equatable {
  /// The format of every input; nil decides by each name.
  package var format: InputFormat?
  /// The key of a JSON line that holds the text.
  package var textKey = "text"
  /// Whether invalid UTF-8 becomes U+FFFD instead of an error.
  package var replacesInvalidText = false

  package init(format: InputFormat? = nil, textKey: String = "text", replacesInvalidText: Bool = false) {
    self.format = format
    self.textKey = textKey
    self.replacesInvalidText = replacesInvalidText
  }
}

/// What a file holds, and what in it is one document.
package enum InputFormat: String, Sendable, CaseIterable {
  /// The whole file is one document.
  case text
  /// Every line that is not empty.
  case lines
  /// Lines up to an empty one.
  case paragraphs
  /// The text of every JSON object, one object a line.
  case jsonl
  /// The text of a page, without markup and navigation.
  case html

  /// The format that a name tells, compression suffix aside: JSON lines, HTML, or plain text.
  package init(path: String) {
    var name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
    for suffix in [".gz", ".zst"] where name.hasSuffix(suffix) { name.removeLast(suffix.count) }
    switch name.split(separator: ".").last {
    case "jsonl", "ndjson", "json": self = .jsonl
    case "html", "htm", "xhtml": self = .html
    default: self = .text
    }
  }
}
