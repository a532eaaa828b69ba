/// The ids of words seen lately: a fixed number of places, the newest word wins its place.
///
/// Holds words of at most 15 bytes with at most 8 ids; anything else is encoded each time.
struct WordCache: Sendable {
  /// The bytes of a word packed into two numbers, with the length in the topmost byte.
  struct Key: Equatable, Sendable {
    fileprivate var low: UInt64 = 0
    fileprivate var high: UInt64 = 0

    static let longest = 15

    @inline(__always)
    init(_ text: Span<UInt8>, from start: Int, count: Int) {
      for index in 0..<min(count, 8) { low |= UInt64(text[start &+ index]) &<< UInt64(8 &* index) }
      if count > 8 {
        for index in 8..<count { high |= UInt64(text[start &+ index]) &<< UInt64(8 &* (index &- 8)) }
      }
      high |= UInt64(count) &<< 56
    }

    @inline(__always)
    fileprivate var slot: Int {
      let mixed = (low ^ (high &* 0xD6E8_FEB8_6659_FD93)) &* 0x9E37_79B9_7F4A_7C15
      return Int(truncatingIfNeeded: mixed >> UInt64(64 - WordCache.bits))
    }

    fileprivate init() {}
  }

  private struct Entry: Sendable {
    var key = Key()
    var ids = SIMD8<Int32>(repeating: 0)
    var count = 0
  }

  private static let bits = 14
  private static let mostIds = 8
  private var entries = Array(repeating: Entry(), count: 1 << bits)

  /// Appends the ids of a known word; false where it is not known.
  @inline(__always)
  func append(_ key: Key, to ids: inout [Int32]) -> Bool {
    let slot = key.slot
    guard entries[slot].key == key else { return false }
    for index in 0..<entries[slot].count { ids.append(entries[slot].ids[index]) }
    return true
  }

  /// Remembers that the word is `symbols`.
  mutating func keep(_ key: Key, _ symbols: [Int32]) {
    guard symbols.count <= Self.mostIds else { return }
    var entry = Entry()
    entry.key = key
    entry.count = symbols.count
    for (index, id) in symbols.enumerated() { entry.ids[index] = id }
    entries[key.slot] = entry
  }
}
