extension CharacterTable {
  /// One match of the cl100k pattern (see `Pretokenizer.Pattern`), with 1 to `limit` digits in a piece.
  @inline(__always)
  func cl100kPiece(
    _ text: Span<UInt8>, from start: Int, before end: Int, digits limit: Int, keepsTrailingSpace: Bool
  ) -> Int {
    let contraction = contraction(text, at: start, before: end, ignoringCase: true)
    if contraction > 0 { return start + contraction }
    let first = character(text, at: start, before: end)
    let next = start + first.length
    if first.kind.meets(.letter) { return run(of: .letter, text, from: next, before: end) }
    if first.kind.meets(.number) { return digits(text, from: start, before: end, limit: limit) }
    if !first.kind.meets(.newline), next < end {
      let second = character(text, at: next, before: end)
      let body = next + second.length
      if second.kind.meets(.letter) { return run(of: .letter, text, from: body, before: end) }
      if text[start] == 0x20, !second.kind.meets([.space, .letter, .number]) {
        return lineEnds(text, from: symbols(text, from: body, before: end), before: end)
      }
    }
    if !first.kind.meets(.space) {
      return lineEnds(text, from: symbols(text, from: next, before: end), before: end)
    }
    return spacesAndLines(text, from: start, before: end, keepsTrailing: keepsTrailingSpace)
  }
}
