/// Strings as Python has them: sequences of code points, not of characters.
enum Text {
  /// Python's `str.isspace` and `\s`.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F,
      0x3000:
      true
    default: false
    }
  }

  /// Where `str.splitlines` cuts.
  static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(scalars.underestimatedCount)
    for scalar in scalars { append(scalar, to: &bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
    if scalar.isASCII {
      bytes.append(UInt8(scalar.value))
    } else {
      bytes.append(contentsOf: String(scalar).utf8)
    }
  }

  static func equal(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

  /// By code points, which UTF-8 keeps the order of.
  static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

  enum Side { case left, right, both }

  /// Without `isStripped` at the ends.
  static func strip(_ text: String, _ side: Side, _ isStripped: (Unicode.Scalar) -> Bool) -> String {
    var rest = text.unicodeScalars[...]
    if side != .right { rest = rest.drop(while: isStripped) }
    if side != .left {
      while let last = rest.last, isStripped(last) { rest.removeLast() }
    }
    return String(rest)
  }

  static func lines(_ text: String, keepsEnds: Bool = false) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      defer { previous = scalar }
      if previous == "\r", scalar == "\n" {
        if keepsEnds, let last = lines.indices.last { lines[last].unicodeScalars.append(scalar) }
        continue
      }
      if endsLine(scalar) {
        if keepsEnds { line.append(scalar) }
        lines.append(String(line))
        line = String.UnicodeScalarView()
      } else {
        line.append(scalar)
      }
    }
    if !line.isEmpty { lines.append(String(line)) }
    return lines
  }

  /// At white space, which goes; behind `most` cuts, the rest stays as it is.
  static func words(_ text: String, most: Int = .max) -> [String] {
    var words: [String] = []
    var rest = text.unicodeScalars.drop(while: isSpace)
    while !rest.isEmpty {
      guard words.count < most else {
        words.append(String(rest))
        break
      }
      let end = rest.firstIndex(where: isSpace) ?? rest.endIndex
      words.append(String(rest[..<end]))
      rest = rest[end...].drop(while: isSpace)
    }
    return words
  }

  // MARK: Case

  private enum Form { case upper, lower, title }

  /// In full: one character may become some.
  private static func append(_ scalar: Unicode.Scalar, as form: Form, to bytes: inout [UInt8]) {
    guard !scalar.isASCII else {
      let isLetter = 97...122 ~= scalar.value | 0x20
      let value = !isLetter ? scalar.value : form == .lower ? scalar.value | 0x20 : scalar.value & ~0x20
      return bytes.append(UInt8(value))
    }
    let mapping =
      switch form {
      case .upper: scalar.properties.uppercaseMapping
      case .lower: scalar.properties.lowercaseMapping
      case .title: scalar.properties.titlecaseMapping
      }
    bytes.append(contentsOf: mapping.utf8)
  }

  /// Letter by letter: the form depends on whether it is the first, and whether it stands behind a letter.
  private static func converted(
    _ text: String, _ form: (_ isFirst: Bool, _ isInside: Bool) -> Form
  ) -> String {
    let scalars = Array(text.unicodeScalars)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(scalars.count)
    var isInside = false
    for (index, scalar) in scalars.enumerated() {
      let form = form(index == 0, isInside)
      append(
        scalar == "Σ" && form == .lower ? lowerSigma(at: index, in: scalars) : scalar, as: form, to: &bytes)
      isInside = scalar.isASCII ? 97...122 ~= scalar.value | 0x20 : scalar.properties.isCased
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A sigma at the end of a word has a form of its own.
  private static func lowerSigma(at place: Int, in scalars: [Unicode.Scalar]) -> Unicode.Scalar {
    /// The nearest scalar that is not passed over has upper and lower case.
    func isCased(_ indices: some Sequence<Int>) -> Bool {
      for index in indices where !scalars[index].properties.isCaseIgnorable {
        return scalars[index].properties.isCased
      }
      return false
    }
    let isFinal =
      isCased(stride(from: place - 1, through: 0, by: -1)) && !isCased(scalars.indices[(place + 1)...])
    return isFinal ? "ς" : "σ"
  }

  static func upper(_ text: String) -> String { converted(text) { _, _ in .upper } }

  static func lower(_ text: String) -> String { converted(text) { _, _ in .lower } }

  /// The first letter of each word upper case, as `str.title` finds words: letters behind no letter.
  static func title(_ text: String) -> String {
    converted(text) { _, isInside in isInside ? .lower : .title }
  }

  static func capitalized(_ text: String) -> String {
    converted(text) { isFirst, _ in isFirst ? .title : .lower }
  }

  // MARK: Kinds of characters

  static func consists(_ text: String, of isOne: (Unicode.Scalar) -> Bool) -> Bool {
    !text.isEmpty && text.unicodeScalars.allSatisfy(isOne)
  }

  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.numericType == .decimal || scalar.properties.numericType == .digit
  }

  enum Case { case upper, lower }

  /// Has letters of this case and none of the other.
  static func isCased(_ text: String, _ sought: Case) -> Bool {
    var found = false
    for scalar in text.unicodeScalars {
      let (isUpper, isLower) = (scalar.properties.isUppercase, scalar.properties.isLowercase)
      if scalar.properties.generalCategory == .titlecaseLetter { return false }
      if sought == .upper ? isLower : isUpper { return false }
      if isUpper || isLower { found = true }
    }
    return found
  }
}
