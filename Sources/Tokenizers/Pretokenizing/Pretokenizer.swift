/// Cuts a text into the pieces within which byte pairs may merge.
///
/// Each known pattern is a scanner written by hand over UTF-8 bytes, with the choices a backtracking
/// regular expression would make. A byte that is not UTF-8 counts as a symbol (neither letter, number nor
/// space), so every text is cut, and the pieces always add up to the text.
package struct Pretokenizer: Sendable {
  /// The families of patterns in use.
  package enum Pattern: Sendable, Equatable {
    /// No cuts at all.
    case whole
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    case gpt2
    /// `(?i:'s|…)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,d}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
    /// OpenAI's own form keeps white space at the very end in one piece (`\s++$`), lines and all.
    case cl100k(digits: Int, keepsTrailingSpace: Bool)
    /// As cl100k, with words cut where lower case turns upper, contractions kept, and `/` after symbols.
    case o200k

    /// The pattern that a recipe or a command names: gpt2, cl100k or o200k.
    package init?(named name: String) {
      switch name {
      case "gpt2": self = .gpt2
      case "cl100k": self = .cl100k(digits: 3, keepsTrailingSpace: false)
      case "o200k": self = .o200k
      default: return nil
      }
    }
  }

  package let pattern: Pattern
  /// Whether every number character is first cut off as a piece of its own (Hugging Face's `Digits`).
  package let isolatesDigits: Bool
  private let table: CharacterTable

  package init(_ pattern: Pattern, isolatesDigits: Bool = false) {
    self.pattern = pattern
    self.isolatesDigits = isolatesDigits
    self.table = .unicode
  }

  /// The end of the piece that starts at `start`; always beyond it.
  @inline(__always)
  func pieceEnd(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    switch pattern {
    case .whole: end
    case .gpt2: table.gpt2Piece(text, from: start, before: end)
    case .cl100k(let digits, let keepsTrailingSpace):
      table.cl100kPiece(
        text, from: start, before: end, digits: digits, keepsTrailingSpace: keepsTrailingSpace)
    case .o200k: table.o200kPiece(text, from: start, before: end)
    }
  }

  /// Calls `body` with the bounds of each piece of `text[range]`.
  @inline(__always)
  func forEachPiece(_ text: Span<UInt8>, in range: Range<Int>, _ body: (Int, Int) -> Void) {
    guard isolatesDigits else {
      return forEachPiece(text, from: range.lowerBound, before: range.upperBound, body)
    }
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      let character = table.character(text, at: position, before: range.upperBound)
      let next = position + character.length
      if character.kind.meets(.number) {
        forEachPiece(text, from: start, before: position, body)
        body(position, next)
        start = next
      }
      position = next
    }
    forEachPiece(text, from: start, before: range.upperBound, body)
  }

  @inline(__always)
  private func forEachPiece(_ text: Span<UInt8>, from start: Int, before end: Int, _ body: (Int, Int) -> Void)
  {
    var start = start
    while start < end {
      let next = pieceEnd(text, from: start, before: end)
      body(start, next)
      start = next
    }
  }

  /// The last offset at or before `offset` where every pattern cuts, whatever stands on either side.
  func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? {
    guard pattern != .whole else { return nil }
    var cut = min(offset, text.count - 1)
    while cut > 0 {
      if cutsAlways(text, at: cut) { return cut }
      cut -= 1
    }
    return nil
  }

  /// Between an ASCII letter and a space; or behind a single line end between characters that are no white
  /// space, the second no `/` (which o200k takes with the line end).
  private func cutsAlways(_ text: Span<UInt8>, at cut: Int) -> Bool {
    if text[cut] == 0x20 { return table[byte: text[cut - 1]].meets(.letter) }
    guard text[cut - 1] == 0x0A, cut > 1, text[cut] != 0x2F else { return false }
    var before = cut - 2
    while before > 0, cut - before < 5, text[before] & 0xC0 == 0x80 { before -= 1 }
    return !table.character(text, at: before, before: cut - 1).kind.meets(.space)
      && !table.character(text, at: cut, before: text.count).kind.meets(.space)
  }
}
