/// What characters decompose into and compose from, canonically (Unicode Standard Annex 15).
///
/// Swift's standard library knows this but has no public way to ask. The combining classes and the
/// exclusions are its own; the mappings, which never change once published, are in `table`.
struct CanonicalDecompositions: Sendable {
  /// One character's mapping: one character, or two.
  struct Mapping: Sendable, Hashable {
    var first: UInt32
    /// 0 where there is one character only.
    var second: UInt32 = 0
  }

  let mappings: [UInt32: Mapping]

  static let unicode = CanonicalDecompositions()

  private init() {
    var mappings: [UInt32: Mapping] = [:]
    mappings.reserveCapacity(2100)
    var next: UInt32 = 0
    for word in Array(Self.table.utf8).split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }) {
      if word.first == UInt8(ascii: "@") {
        next = Self.number(word.dropFirst())
      } else {
        let numbers = word.split(separator: UInt8(ascii: "+")).map(Self.number)
        mappings[next] = Mapping(first: numbers[0], second: numbers.count > 1 ? numbers[1] : 0)
        next += 1
      }
    }
    self.mappings = mappings
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt32 {
    digits.reduce(0) { $0 << 4 | UInt32($1 < 0x40 ? $1 & 0xF : ($1 & 0xF) + 9) }
  }

  /// Appends the full decomposition of `scalar`, which is itself where it has none.
  func appendDecomposition(of scalar: UInt32, to scalars: inout [UInt32]) {
    if let index = Hangul.index(of: scalar) {
      scalars.append(Hangul.firstLead + index / Hangul.syllablesPerLead)
      scalars.append(Hangul.firstVowel + index % Hangul.syllablesPerLead / Hangul.tails)
      if index % Hangul.tails > 0 { scalars.append(Hangul.beforeTails + index % Hangul.tails) }
    } else if let mapping = mappings[scalar] {
      // The second character of a mapping never decomposes further.
      appendDecomposition(of: mapping.first, to: &scalars)
      if mapping.second > 0 { scalars.append(mapping.second) }
    } else {
      scalars.append(scalar)
    }
  }

  static func combiningClass(_ scalar: UInt32) -> UInt8 {
    // No character below has a class, and most text lies below.
    guard scalar >= 0x300, let scalar = Unicode.Scalar(scalar) else { return 0 }
    return scalar.properties.canonicalCombiningClass.rawValue
  }
}

/// How Hangul syllables are numbered (The Unicode Standard, section 3.12).
enum Hangul {
  static let first: UInt32 = 0xAC00
  static let firstLead: UInt32 = 0x1100
  static let firstVowel: UInt32 = 0x1161
  /// One before the first tail: tail 0 is none.
  static let beforeTails: UInt32 = 0x11A7
  static let leads: UInt32 = 19
  static let vowels: UInt32 = 21
  static let tails: UInt32 = 28
  static let syllablesPerLead = vowels * tails
  static let syllables = leads * syllablesPerLead

  static func index(of scalar: UInt32) -> UInt32? {
    let index = scalar &- first
    return index < syllables ? index : nil
  }
}
