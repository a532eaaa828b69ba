/// What BERT makes of each character before it looks for words (Devlin et al. 2018, `BasicTokenizer`).
///
/// In the order of Hugging Face's `BertNormalizer`: control characters go and white space becomes a space;
/// ideographs stand alone; accents go (canonical decomposition without its nonspacing marks); capitals turn
/// small. Then words end at white space, and punctuation stands alone. Its categories are those of Unicode 8,
/// of BERT's days: later marks stay, later punctuation is part of words.
struct BertCharacters: Sendable {
  struct Options: Sendable, Equatable {
    var cleansText = true
    var isolatesIdeographs = true
    var stripsAccents = true
    var lowercases = true

    static let uncased = Options()
    static let cased = Options(stripsAccents: false, lowercases: false)
  }

  enum Kind: UInt8, Sendable {
    /// Part of a word as it is.
    case plain
    case space
    case removed
    /// A word by itself as it is.
    case isolated
    /// Becomes other characters.
    case changed
    /// Becomes other characters that are words by themselves.
    case changedAndIsolated
  }

  let options: Options
  private let pages: [UInt16]
  private let kinds: [Kind]
  private let decompositions = CanonicalDecompositions.unicode

  /// Filled from Unicode's data in some 20 ms, for the two usual choices once.
  static func of(_ options: Options) -> BertCharacters {
    switch options {
    case .uncased: uncased
    case .cased: cased
    default: BertCharacters(options)
    }
  }

  private static let uncased = BertCharacters(.uncased)
  private static let cased = BertCharacters(.cased)

  private init(_ options: Options) {
    self.options = options
    var pages: [UInt16] = []
    var kinds: [Kind] = []
    var last: [Kind] = []
    for page in UInt32(0)..<0x1100 {
      let content = Self.page(page, options, decompositions)
      // Equal pages follow one another: ideographs, syllables, empty planes.
      if content != last { kinds += content }
      last = content
      pages.append(UInt16(kinds.count >> 8) - 1)
    }
    self.pages = pages
    self.kinds = kinds
  }

  @inline(__always)
  func kind(_ scalar: UInt32) -> Kind { kinds[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)] }

  /// Appends what a changed character becomes.
  func append(_ scalar: UInt32, to scalars: inout [UInt32]) {
    let start = scalars.count
    if options.stripsAccents {
      decompositions.appendDecomposition(of: scalar, to: &scalars)
      if scalars.count > start + 1 {
        scalars = scalars[..<start] + scalars[start...].filter { !Self.isMark($0) }
      }
    } else {
      scalars.append(scalar)
    }
    guard options.lowercases else { return }
    for index in start..<scalars.count {
      guard let scalar = Unicode.Scalar(scalars[index]),
        let lower = Self.lowercase(scalar, scalar.properties.generalCategory)
      else { continue }
      scalars[index] = lower[0]
      scalars += lower[1...]
    }
  }
}

// MARK: - The classes of characters

extension BertCharacters {
  private static func page(
    _ page: UInt32, _ options: Options, _ decompositions: CanonicalDecompositions
  ) -> [Kind] {
    // Planes 4 to 14 are empty but for tags and variation selectors, planes 15 and 16 are for private use.
    let isEmpty = page >= 0x400 && page < 0xE00 || page >= 0xE02 && page < 0xF00
    return (UInt32(0)..<256).map { low in
      guard !isEmpty, let scalar = Unicode.Scalar(page << 8 | low) else { return .plain }
      return kind(scalar, options, decompositions)
    }
  }

  private static func kind(
    _ scalar: Unicode.Scalar, _ options: Options, _ decompositions: CanonicalDecompositions
  ) -> Kind {
    if scalar == "\t" || scalar == "\n" || scalar == "\r" { return .space }
    let category = scalar.properties.generalCategory
    if options.cleansText, scalar == "\u{FFFD}" || isControl(scalar, category) { return .removed }
    if isSpace(scalar) { return .space }
    if options.stripsAccents, isMark(scalar, category) { return .removed }
    let isIdeograph = options.isolatesIdeographs && isIdeograph(scalar.value)
    let decomposes =
      options.stripsAccents
      && (Hangul.index(of: scalar.value) != nil || decompositions.mappings[scalar.value] != nil)
    if decomposes || options.lowercases && lowercase(scalar, category) != nil {
      return isIdeograph ? .changedAndIsolated : .changed
    }
    return isIdeograph || isPunctuation(scalar, category) ? .isolated : .plain
  }

  private static func isOfUnicode8(_ scalar: Unicode.Scalar) -> Bool {
    (scalar.properties.age?.major ?? .max) <= 8
  }

  private static func isControl(_ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> Bool {
    switch category {
    case .control, .privateUse: true
    case .format: isOfUnicode8(scalar)
    default: false
    }
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value <= 0x3000 && scalar.properties.isWhitespace
  }

  private static func isMark(_ scalar: UInt32) -> Bool {
    guard scalar >= 0x300, let scalar = Unicode.Scalar(scalar) else { return false }
    return isMark(scalar, scalar.properties.generalCategory)
  }

  private static func isMark(_ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> Bool {
    switch scalar {
    case "\u{1734}", "\u{1171E}": true
    // These have become marks since; those before are none any more.
    case "\u{1885}", "\u{1886}", "\u{A9BD}", "\u{111C9}": false
    default: category == .nonspacingMark && isOfUnicode8(scalar)
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory) -> Bool {
    switch category {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      isOfUnicode8(scalar)
    // Of ASCII, all that is neither letter, number, space nor control; the last two were punctuation then.
    default:
      switch scalar {
      case "$", "+", "<", "=", ">", "^", "`", "|", "~", "\u{166D}", "\u{111C9}": true
      default: false
      }
    }
  }

  /// The blocks that BERT calls CJK; Hugging Face's fifth one starts at U+2B920, not at U+2B820.
  private static func isIdeograph(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF,
      0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  /// The small form of a character by itself (a sigma is never a final one); nil where it is its own.
  private static func lowercase(
    _ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory
  ) -> [UInt32]? {
    switch category {
    // Letters, Roman numbers and letters in circles: to ask any other costs as much and gives nothing.
    case .uppercaseLetter, .titlecaseLetter, .letterNumber, .otherSymbol:
      guard scalar.properties.changesWhenLowercased else { return nil }
      return scalar.properties.lowercaseMapping.unicodeScalars.map(\.value)
    default: return nil
    }
  }
}
