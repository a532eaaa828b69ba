/// SentencePiece's table of character replacements (`precompiled_charsmap`): a trie of byte strings, each
/// with the text that stands for it.
///
/// Little-endian: the trie's size in bytes (u32), its units (u32 each, Darts-clone's double array), and the
/// replacements, each ended by a zero byte. A leaf's value is the place of its replacement.
struct NormalizationRules: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// Throws where the table does not hold what its size says.
  init(_ table: [UInt8], source: String) throws(TokenizerFailure) {
    func word(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(table[offset + $1]) << UInt32(8 * $1) }
    }
    guard !table.isEmpty else {
      units = []
      replacements = []
      return
    }
    guard table.count > 4, Int(word(0)) % 4 == 0, 4 + Int(word(0)) < table.count, table.last == 0 else {
      throw TokenizerFailure(
        source,
        "got a table of character replacements of \(table.count) bytes that ends early; the file is damaged")
    }
    let size = Int(word(0))
    units = stride(from: 4, to: 4 + size, by: 4).map(word)
    replacements = Array(table[(4 + size)...])
  }

  /// The longest rule that `text` begins with at `start`: how many bytes it takes, and where what it becomes
  /// stands; a length of 0 where there is none.
  @inline(__always)
  func match(_ text: Span<UInt8>, from start: Int, before end: Int) -> (length: Int, place: Int) {
    var found = (length: 0, place: 0)
    guard !units.isEmpty else { return found }
    var place = Self.offset(units[0])
    var position = start
    while position < end {
      place ^= Int(text[position])
      guard place < units.count else { break }
      let unit = units[place]
      guard unit & 0x8000_00FF == UInt32(text[position]) else { break }
      place ^= Self.offset(unit)
      position += 1
      if unit & 0x100 != 0, place < units.count {
        found = (position - start, Int(units[place] & 0x7FFF_FFFF))
      }
    }
    return found
  }

  /// The bytes from `place` up to the zero byte.
  func replacement(at place: Int) -> ArraySlice<UInt8> {
    guard place < replacements.count else { return [] }
    return replacements[place...].prefix { $0 != 0 }
  }

  private static func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & 0x200) >> 6)) }
}
