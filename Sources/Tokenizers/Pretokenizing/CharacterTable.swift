/// The classes of all characters, in pages of 256 of which equal ones are kept once.
struct CharacterTable: Sendable {
  /// By leading byte: the class of ASCII characters, `.beyondASCII` for the rest.
  private let bytes: [CharacterClass]
  private let pages: [UInt16]
  private let classes: [CharacterClass]

  /// Filled from the Unicode data of Swift's standard library on first use (a few milliseconds).
  static let unicode = CharacterTable()

  private init() {
    var pages: [UInt16] = []
    var classes: [CharacterClass] = []
    var known: [[CharacterClass]: UInt16] = [:]
    // Planes 4 to 16 hold no letters, marks, numbers or spaces but for the variation selectors of plane 14.
    for page in UInt32(0)..<0x1100 {
      let isAssigned = page < 0x400 || page >= 0xE00 && page < 0xE02
      let content = (0..<UInt32(256)).map { low in
        isAssigned ? Unicode.Scalar(page << 8 | low).map(CharacterClass.init(of:)) ?? [] : []
      }
      if let number = known[content] {
        pages.append(number)
      } else {
        let number = UInt16(known.count)
        known[content] = number
        pages.append(number)
        classes += content
      }
    }
    self.pages = pages
    self.classes = classes
    self.bytes = (0..<256).map { byte in
      byte < 128 ? CharacterClass(of: Unicode.Scalar(UInt8(byte))) : .beyondASCII
    }
  }

  @inline(__always)
  subscript(byte byte: UInt8) -> CharacterClass { bytes[Int(byte)] }

  /// The class and length of the character at `offset`; a byte that is not UTF-8 is one of no class.
  @inline(__always)
  func character(_ text: Span<UInt8>, at offset: Int, before end: Int) -> (kind: CharacterClass, length: Int)
  {
    let kind = bytes[Int(text[offset])]
    return kind == .beyondASCII ? wideCharacter(text, at: offset, before: end) : (kind, 1)
  }

  @inline(never)
  private func wideCharacter(
    _ text: Span<UInt8>, at offset: Int, before end: Int
  ) -> (kind: CharacterClass, length: Int) {
    let (scalar, length) = UTF8Scalar.read(text, at: offset, before: end)
    guard length > 0 else { return ([], 1) }
    return (classes[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)], length)
  }
}
