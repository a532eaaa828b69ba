/// What the patterns of tokenizers ask of a character.
struct CharacterClass: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `\p{Lu}\p{Lt}`
  static let upper = CharacterClass(rawValue: 1)
  /// `\p{Ll}`
  static let lower = CharacterClass(rawValue: 2)
  /// `\p{Lm}\p{Lo}`
  static let uncased = CharacterClass(rawValue: 4)
  /// `\p{M}`
  static let mark = CharacterClass(rawValue: 8)
  /// `\p{N}`
  static let number = CharacterClass(rawValue: 16)
  /// `\s`
  static let space = CharacterClass(rawValue: 32)
  /// `[\r\n]`
  static let newline = CharacterClass(rawValue: 64)
  /// Not a class of characters: the byte is not ASCII, so the table of bytes cannot tell.
  static let beyondASCII = CharacterClass(rawValue: 128)

  /// `\p{L}`
  static let letter: CharacterClass = [.upper, .lower, .uncased]
  /// What may stand before the last letter run of a word in the o200k pattern.
  static let head: CharacterClass = [.upper, .uncased, .mark]
  /// What may end a word in the o200k pattern.
  static let tail: CharacterClass = [.lower, .uncased, .mark]

  @inline(__always)
  func meets(_ other: CharacterClass) -> Bool { rawValue & other.rawValue != 0 }

  init(of scalar: Unicode.Scalar) {
    let properties = scalar.properties
    var found: CharacterClass =
      switch properties.generalCategory {
      case .uppercaseLetter, .titlecaseLetter: .upper
      case .lowercaseLetter: .lower
      case .modifierLetter, .otherLetter: .uncased
      case .nonspacingMark, .spacingMark, .enclosingMark: .mark
      case .decimalNumber, .letterNumber, .otherNumber: .number
      default: []
      }
    // No white space stands above U+3000, and asking costs as much as the category.
    if scalar.value <= 0x3000, properties.isWhitespace { found.insert(.space) }
    if scalar == "\r" || scalar == "\n" { found.insert(.newline) }
    self = found
  }
}
