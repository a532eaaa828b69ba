/// A hash table from byte strings to numbers; the strings lie end to end in one array.
///
/// Strings are numbered in the order they come, so `strings[number]` and `number(of:)` are inverse.
struct ByteTable: Sendable {
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  private var hashes: [UInt64] = []
  /// At their hash: the hash's upper half, and numbers plus one in the lower half; 0 is free. The count is a
  /// power of two, at most half full.
  private var slots: [UInt64]

  init(expecting count: Int = 0) {
    var size = 64
    while size < count * 2 { size *= 2 }
    slots = Array(repeating: 0, count: size)
    starts.reserveCapacity(count + 1)
    hashes.reserveCapacity(count)
  }

  var count: Int { hashes.count }

  subscript(number: Int) -> [UInt8] { Array(bytes[starts[number]..<starts[number + 1]]) }

  func range(_ number: Int) -> Range<Int> { starts[number]..<starts[number + 1] }

  /// All strings, one after the other; `range(_:)` tells them apart.
  var allBytes: [UInt8] { bytes }

  /// The number of `text[range]`, or nil.
  func number(of text: Span<UInt8>, in range: Range<Int>) -> Int? {
    let hash = Self.hash(text, in: range)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if let number = match(slots[slot], hash), equals(number, text, range) { return number }
      slot = (slot + 1) & mask
    }
    return nil
  }

  func number(of string: [UInt8]) -> Int? { number(of: string.span, in: 0..<string.count) }

  /// The number of `text[range]`, which is added if it is new.
  mutating func add(_ text: Span<UInt8>, in range: Range<Int>) -> (number: Int, isNew: Bool) {
    let hash = Self.hash(text, in: range)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if let number = match(slots[slot], hash), equals(number, text, range) { return (number, false) }
      slot = (slot + 1) & mask
    }
    let number = hashes.count
    slots[slot] = Self.entry(number, hash)
    hashes.append(hash)
    for index in range { bytes.append(text[index]) }
    starts.append(bytes.count)
    if hashes.count * 2 > slots.count { grow() }
    return (number, true)
  }

  mutating func add(_ string: [UInt8]) -> (number: Int, isNew: Bool) {
    add(string.span, in: 0..<string.count)
  }

  @inline(__always)
  private static func entry(_ number: Int, _ hash: UInt64) -> UInt64 {
    hash & ~0xFFFF_FFFF | UInt64(UInt32(number + 1))
  }

  /// The number in a slot if its hash may be `hash`.
  @inline(__always)
  private func match(_ slot: UInt64, _ hash: UInt64) -> Int? {
    slot >> 32 == hash >> 32 ? Int(slot & 0xFFFF_FFFF) - 1 : nil
  }

  private func equals(_ number: Int, _ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let start = starts[number]
    guard starts[number + 1] - start == range.count else { return false }
    for offset in 0..<range.count where bytes[start + offset] != text[range.lowerBound + offset] {
      return false
    }
    return true
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    let mask = slots.count - 1
    for (number, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = Self.entry(number, hash)
    }
  }

  @inline(__always)
  private static func hash(_ text: Span<UInt8>, in range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in range { hash = (hash ^ UInt64(text[index])) &* 0x100_0000_01B3 }
    hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
    return hash ^ hash >> 29
  }
}
