/// One tag: its name in lower case, without prefix, and what of its attributes tells content from frame.
struct HTMLTag {
  private(set) var name = ""
  private(set) var isClosing = false
  /// Has no content: `<br>`, `<a id="x"/>`.
  private(set) var isEmpty = false
  private(set) var classes: [Substring] = []
  private(set) var id = ""
  /// Just past the `>`.
  private(set) var end: Int

  /// Reads the tag at `start`, a `<`. Nil when it is no tag, as in `a < b`.
  init?(_ html: [UInt8], at start: Int) {
    end = start + 1
    if end < html.count, html[end] == UInt8(ascii: "/") {
      isClosing = true
      end += 1
    }
    guard end < html.count, Self.isLetter(html[end]) else { return nil }
    name = Self.word(html, &end).lowercased()
    while end < html.count, html[end] != UInt8(ascii: ">") {
      let byte = html[end]
      isEmpty = byte == UInt8(ascii: "/")
      if byte <= 0x20 || isEmpty { end += 1 } else { readAttribute(html) }
    }
    end = min(end + 1, html.count)
    if Self.void.contains(name) { isEmpty = true }
  }

  private mutating func readAttribute(_ html: [UInt8]) {
    let key = Self.word(html, &end).lowercased()
    Self.skipSpace(html, &end)
    guard end < html.count, html[end] == UInt8(ascii: "=") else {
      // A stray quote or sign is no attribute; step over it.
      if key.isEmpty { end += 1 }
      return
    }
    end += 1
    Self.skipSpace(html, &end)
    let value = Self.value(html, &end)
    if key == "class" { classes = value.split(separator: " ") }
    if key == "id" { id = value }
  }

  private static func value(_ html: [UInt8], _ position: inout Int) -> String {
    guard position < html.count else { return "" }
    let quote = html[position]
    let isQuoted = quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
    if isQuoted { position += 1 }
    let start = position
    while position < html.count {
      let byte = html[position]
      if isQuoted ? byte == quote : byte <= 0x20 || byte == UInt8(ascii: ">") { break }
      position += 1
    }
    defer { if isQuoted { position = min(position + 1, html.count) } }
    return String(decoding: html[start..<position], as: UTF8.self)
  }

  /// A name up to white space or a sign with a meaning.
  private static func word(_ html: [UInt8], _ position: inout Int) -> String {
    let start = position
    while position < html.count {
      let byte = html[position]
      if byte <= 0x20 || "=/>\"'".utf8.contains(byte) { break }
      position += 1
    }
    return String(decoding: html[start..<position], as: UTF8.self)
  }

  private static func skipSpace(_ html: [UInt8], _ position: inout Int) {
    while position < html.count, html[position] <= 0x20 { position += 1 }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte | 0x20 }
}

// MARK: - What a tag means for the text

extension HTMLTag {
  /// Content that is no markup and no text.
  var isRawText: Bool { name == "script" || name == "style" }

  /// Starts something that is not prose of the page: its head, ways around, tables of contents, licence.
  var isBoilerplate: Bool {
    Self.frames.contains(name) || Self.frameIDs.contains(id)
      || classes.contains { Self.frameClasses.contains(String($0)) }
  }

  var isCell: Bool { name == "td" || name == "th" }

  var isBlock: Bool { Self.blocks.contains(name) }

  private static let frames: Set = [
    "head", "nav", "footer", "noscript", "template", "svg", "iframe", "select",
  ]
  private static let frameIDs: Set = ["banner", "navigation"]
  private static let frameClasses: Set = [
    "docnav", "toc", "navheader", "navfooter", "legalnotice", "copyright", "edition", "index",
  ]
  private static let blocks: Set = [
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div",
    "dl",
    "dt", "fieldset", "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
    "html",
    "legend", "li", "main", "ol", "option", "p", "section", "summary", "table", "tbody", "tfoot", "thead",
    "tr", "ul",
  ]
  private static let void: Set = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
  ]
}
