extension CharacterTable {
  /// One match of the o200k pattern:
  /// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|…)?|`
  /// the same with `+` and `*` exchanged`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
  @inline(__always)
  func o200kPiece(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    let first = character(text, at: start, before: end)
    let next = start + first.length
    if let word = word(text, from: start, first: first.kind, next: next, before: end) {
      return word + contraction(text, at: word, before: end, ignoringCase: true)
    }
    if first.kind.meets(.number) { return digits(text, from: start, before: end, limit: 3) }
    let others: CharacterClass = [.space, .letter, .number]
    if text[start] == 0x20, next < end {
      let second = character(text, at: next, before: end)
      if !second.kind.meets(others) {
        let symbols = symbols(text, from: next + second.length, before: end)
        return lineEnds(text, from: symbols, before: end, slash: true)
      }
    }
    if !first.kind.meets(.space) {
      return lineEnds(text, from: symbols(text, from: next, before: end), before: end, slash: true)
    }
    return spacesAndLines(text, from: start, before: end, keepsTrailing: false)
  }

  /// The end of the word at `start`, in the order a backtracking match tries: an ending in lower case
  /// behind an optional first symbol, the same without it, then upper case alone.
  @inline(__always)
  private func word(
    _ text: Span<UInt8>, from start: Int, first: CharacterClass, next: Int, before end: Int
  ) -> Int? {
    let mayLead = !first.meets([.newline, .letter, .number])
    if mayLead, let found = lowerEnded(text, from: next, before: end) { return found }
    if first.meets([.letter, .mark]), let found = lowerEnded(text, from: start, before: end) {
      return found
    }
    let body = mayLead ? next : start
    let heads = run(of: .head, text, from: body, before: end)
    if heads > body { return heads }
    return nil
  }

  /// `head*tail+`: when nothing in lower case follows the run of heads, the run gives back characters up to
  /// its last one that is also a tail.
  @inline(__always)
  private func lowerEnded(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int? {
    var position = start
    var lastTail = start
    while position < end {
      let character = character(text, at: position, before: end)
      if character.kind.meets(.lower) {
        return run(of: .tail, text, from: position + character.length, before: end)
      }
      guard character.kind.meets(.head) else { break }
      position += character.length
      if character.kind.meets(.tail) { lastTail = position }
    }
    return lastTail > start ? lastTail : nil
  }
}
