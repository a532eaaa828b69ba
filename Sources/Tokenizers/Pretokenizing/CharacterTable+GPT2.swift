extension CharacterTable {
  /// One match of `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
  @inline(__always)
  func gpt2Piece(_ text: Span<UInt8>, from start: Int, before end: Int) -> Int {
    let contraction = contraction(text, at: start, before: end, ignoringCase: false)
    if contraction > 0 { return start + contraction }
    var body = start
    if text[start] == 0x20, start + 1 < end { body += 1 }
    let first = character(text, at: body, before: end)
    let next = body + first.length
    if first.kind.meets(.letter) { return run(of: .letter, text, from: next, before: end) }
    if first.kind.meets(.number) { return run(of: .number, text, from: next, before: end) }
    if !first.kind.meets(.space) { return symbols(text, from: next, before: end) }
    return spaces(text, from: start, before: end)
  }
}
