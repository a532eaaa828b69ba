/// The readable text of an HTML or XHTML page in UTF-8: every paragraph, heading, list item and table row
/// is a line, code blocks keep their lines, navigation and legal boilerplate go.
///
/// A stripper and not a browser: it knows the markup of documentation (Docbook, Publican) and treats
/// anything else by its tags alone. It never fails; text that is no markup comes out as it is.
package struct HTMLText {
  private let html: [UInt8]
  private var position = 0
  private var output: [UInt8] = []
  /// White space seen since the last text, written before the next.
  private var gap = Gap.none
  /// Open `pre` elements.
  private var verbatimDepth = 0
  /// The element whose content is dropped, and how many of its name are open in it.
  private var dropped: (name: String, depth: Int)?

  private enum Gap: Int {
    case none, space, cell, line
  }

  /// The text of `html`, ending with a line feed unless it is empty.
  package static func extract(from html: [UInt8]) -> [UInt8] {
    var reader = HTMLText(html: html)
    reader.readAll()
    return reader.output
  }

  private init(html: [UInt8]) { self.html = html }

  private mutating func readAll() {
    output.reserveCapacity(html.count / 2)
    while position < html.count {
      switch html[position] {
      case UInt8(ascii: "<"): readMarkup()
      case UInt8(ascii: "&"): readEntity()
      default: readText()
      }
    }
    trimSpace()
    if !output.isEmpty { output.append(0x0A) }
  }

  // MARK: Text

  private mutating func readText() {
    let start = position
    while position < html.count, html[position] != UInt8(ascii: "<"), html[position] != UInt8(ascii: "&") {
      position += 1
    }
    write(html[start..<position])
  }

  private mutating func readEntity() {
    if let entity = HTMLEntity(html[position...].prefix(HTMLEntity.longest)) {
      position += entity.byteCount
      write(Array(entity.text.utf8)[...])
    } else {
      write(html[position...position])
      position += 1
    }
  }

  private mutating func write(_ bytes: ArraySlice<UInt8>) {
    guard dropped == nil else { return }
    guard verbatimDepth == 0 else {
      closeGap()
      return output.append(contentsOf: bytes)
    }
    for byte in bytes {
      if byte == 0x20 || (0x09...0x0D).contains(byte) {
        widen(.space)
      } else {
        closeGap()
        output.append(byte)
      }
    }
  }

  private mutating func widen(_ wanted: Gap) {
    if wanted.rawValue > gap.rawValue { gap = wanted }
  }

  private mutating func closeGap() {
    let isLineStart = output.last.map { $0 == 0x0A } ?? true
    switch gap {
    case .none: break
    case .space: if !isLineStart { output.append(0x20) }
    case .cell: if !isLineStart { output.append(0x09) }
    case .line: if !isLineStart { output.append(0x0A) }
    }
    gap = .none
  }

  private mutating func trimSpace() {
    while let last = output.last, last == 0x20 || (0x09...0x0D).contains(last) { output.removeLast() }
  }

  // MARK: Markup

  private mutating func readMarkup() {
    let rest = html[position...]
    if rest.starts(with: "<!--".utf8) {
      skip(past: "-->")
    } else if rest.starts(with: "<![CDATA[".utf8) {
      position += 9
      let end = index(of: "]]>") ?? html.count
      write(html[position..<end])
      position = min(end + 3, html.count)
    } else if rest.starts(with: "<!".utf8) || rest.starts(with: "<?".utf8) {
      skip(past: ">")
    } else if let tag = HTMLTag(html, at: position) {
      position = tag.end
      handle(tag)
    } else {
      write(html[position...position])
      position += 1
    }
  }

  private mutating func handle(_ tag: HTMLTag) {
    if let dropped {
      guard tag.name == dropped.name else { return }
      let depth = dropped.depth + (tag.isClosing ? -1 : tag.isEmpty ? 0 : 1)
      self.dropped = depth == 0 ? nil : (dropped.name, depth)
    } else if tag.isRawText, !tag.isClosing, !tag.isEmpty {
      skip(past: "</\(tag.name)")
      skip(past: ">")
    } else if tag.isBoilerplate, !tag.isClosing {
      widen(.line)
      if !tag.isEmpty { dropped = (tag.name, 1) }
    } else if tag.name == "pre" {
      handleVerbatim(tag)
    } else if verbatimDepth > 0 {
      if tag.name == "br" { write([0x0A]) }
    } else if tag.isCell {
      widen(.cell)
    } else if tag.isBlock {
      widen(.line)
    }
  }

  private mutating func handleVerbatim(_ tag: HTMLTag) {
    widen(.line)
    if tag.isClosing {
      guard verbatimDepth > 0 else { return }
      verbatimDepth -= 1
      trimSpace()
    } else if !tag.isEmpty {
      verbatimDepth += 1
      // A line feed right after the tag is not content.
      if position < html.count, html[position] == 0x0A { position += 1 }
    }
  }

  private mutating func skip(past end: String) {
    position = index(of: end).map { $0 + end.utf8.count } ?? html.count
  }

  private func index(of text: String) -> Int? {
    let bytes = Array(text.utf8)
    return html[position...].indices.first { start in
      html[start] == bytes[0] && html[start...].prefix(bytes.count).elementsEqual(bytes, by: Self.sameLetter)
    }
  }

  /// Equal, or an upper-case letter and its lower-case form.
  private static func sameLetter(_ byte: UInt8, _ lower: UInt8) -> Bool {
    byte == lower || (0x41...0x5A ~= byte && byte + 0x20 == lower)
  }
}
