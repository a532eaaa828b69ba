/// The runs of characters that the patterns share.
extension CharacterTable {
  /// The end of the longest run of characters of any of `kinds`.
  @inline(__always)
  func run(of kinds: CharacterClass, _ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    var position = start
    while position < end {
      let byteKind = self[byte: text[position]]
      if byteKind.meets(kinds) {
        position += 1
      } else if byteKind == .beyondASCII {
        let character = character(text, at: position, before: end)
        guard character.kind.meets(kinds) else { return position }
        position += character.length
      } else {
        return position
      }
    }
    return position
  }

  /// The end of the longest run of `[^\s\p{L}\p{N}]`.
  @inline(__always)
  func symbols(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    let others: CharacterClass = [.space, .letter, .number]
    var position = start
    while position < end {
      let character = character(text, at: position, before: end)
      guard !character.kind.meets(others) else { return position }
      position += character.length
    }
    return position
  }

  /// The end of `\p{N}{1,limit}`.
  func digits(_ text: Span<UInt8>, from start: Int, before end: Int, limit: Int) -> Int {
    var position = start
    var count = 0
    while position < end, count < limit {
      let character = character(text, at: position, before: end)
      guard character.kind.meets(.number) else { return position }
      position += character.length
      count += 1
    }
    return position
  }

  /// The end of the bytes after `start` that are among `\r`, `\n` (and `/`).
  func lineEnds(_ text: Span<UInt8>, from start: Int, before end: Int, slash: Bool = false) -> Int {
    var position = start
    while position < end, self[byte: text[position]].meets(.newline) || slash && text[position] == 0x2F {
      position += 1
    }
    return position
  }

  /// `\s+(?!\S)|\s+`: a run of white space without its last character where something follows it.
  func spaces(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    var position = start
    var last = start
    while position < end {
      let character = character(text, at: position, before: end)
      guard character.kind.meets(.space) else { return last > start ? last : position }
      last = position
      position += character.length
    }
    return position
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line end of the run, or as `spaces`.
  func spacesAndLines(
    _ text: Span<UInt8>, from start: Int, before end: Int, keepsTrailing: Bool
  ) -> Int {
    var position = start
    var last = start
    var afterLine = start
    while position < end {
      let character = character(text, at: position, before: end)
      guard character.kind.meets(.space) else {
        if afterLine > start { return afterLine }
        return last > start ? last : position
      }
      last = position
      position += character.length
      if character.kind.meets(.newline) { afterLine = position }
    }
    return afterLine > start && !keepsTrailing ? afterLine : position
  }

  /// The length of `'s|'t|'re|'ve|'m|'ll|'d` at `start`; 0 where there is none.
  @inline(__always)
  func contraction(_ text: Span<UInt8>, at start: Int, before end: Int, ignoringCase: Bool) -> Int {
    guard start + 1 < end, text[start] == 0x27 else { return 0 }
    let fold: UInt8 = ignoringCase ? 0x20 : 0
    let first = text[start + 1]
    switch first | fold {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return 2
    case UInt8(ascii: "l"), UInt8(ascii: "r"), UInt8(ascii: "v"):
      guard start + 2 < end else { return 0 }
      let second: UInt8 = first | fold == UInt8(ascii: "l") ? UInt8(ascii: "l") : UInt8(ascii: "e")
      return text[start + 2] | fold == second ? 3 : 0
    default:
      // U+017F, the long s, is an s where case is ignored.
      guard ignoringCase, first == 0xC5, start + 2 < end, text[start + 2] == 0xBF else { return 0 }
      return 3
    }
  }
}
