/// Cuts a text into what SentencePiece can read and what must become byte pieces.
struct TextSplitting: Sendable {
  /// Whether bytes that are not UTF-8 are cut out.
  let atInvalidBytes: Bool
  /// Whether U+2581 and NUL, which SentencePiece would change, are cut out.
  let atSpaceSigns: Bool

  /// Calls `readable` with the stretches of text and `bytes` with what stands between them.
  func split(
    _ text: Span<UInt8>, _ range: Range<Int>, readable: (Range<Int>) -> Void, bytes: (Range<Int>) -> Void
  ) {
    guard atInvalidBytes else { return range.isEmpty ? () : readable(range) }
    var start = range.lowerBound
    var position = start
    while position < range.upperBound {
      let byte = text[position]
      if byte < 0x80, byte != 0 {
        position += 1
        continue
      }
      let (scalar, length) = UTF8Scalar.read(text, at: position, before: range.upperBound)
      let isChanged = atSpaceSigns && (scalar == 0x2581 || scalar == 0)
      guard length == 0 || isChanged else {
        position += length
        continue
      }
      if position > start { readable(start..<position) }
      bytes(position..<position + max(length, 1))
      position += max(length, 1)
      start = position
    }
    if start < range.upperBound { readable(start..<range.upperBound) }
  }
}
