/// A character reference such as `&amp;`, `&#233;` or `&#xE9;`.
///
/// Names are those of HTML 4: Latin-1 and the common symbols; an unknown name is text as it stands.
struct HTMLEntity {
  let text: String
  /// Bytes of the reference, from `&` through `;`.
  let byteCount: Int

  /// The longest reference looked for.
  static let longest = 12

  /// Reads the reference that `bytes` starts with.
  init?(_ bytes: ArraySlice<UInt8>) {
    guard let end = bytes.firstIndex(of: UInt8(ascii: ";")) else { return nil }
    let name = String(decoding: bytes[(bytes.startIndex + 1)..<end], as: UTF8.self)
    guard let text = name.hasPrefix("#") ? Self.number(name.dropFirst()) : Self.named[name] else {
      return nil
    }
    self.text = text
    byteCount = end + 1 - bytes.startIndex
  }

  /// A code point in decimal, or hexadecimal after `x`; one that is no character becomes U+FFFD.
  private static func number(_ digits: Substring) -> String? {
    let isHexadecimal = digits.first == "x" || digits.first == "X"
    guard let value = isHexadecimal ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits) else {
      return nil
    }
    guard value > 0, let scalar = Unicode.Scalar(value) else { return "\u{FFFD}" }
    return String(scalar)
  }

  private static let named: [String: String] = {
    var table = [
      "quot": "\"", "amp": "&", "lt": "<", "gt": ">", "apos": "'", "OElig": "Œ", "oelig": "œ", "Scaron": "Š",
      "scaron": "š", "Yuml": "Ÿ", "fnof": "ƒ", "circ": "ˆ", "tilde": "˜", "ensp": "\u{2002}",
      "emsp": "\u{2003}",
      "thinsp": "\u{2009}", "zwnj": "\u{200C}", "zwj": "\u{200D}", "lrm": "\u{200E}", "rlm": "\u{200F}",
      "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "sbquo": "‚", "ldquo": "“", "rdquo": "”",
      "bdquo": "„", "dagger": "†", "Dagger": "‡", "bull": "•", "hellip": "…", "permil": "‰", "prime": "′",
      "Prime": "″", "lsaquo": "‹", "rsaquo": "›", "oline": "‾", "frasl": "⁄", "euro": "€", "trade": "™",
      "larr": "←", "uarr": "↑", "rarr": "→", "darr": "↓", "harr": "↔", "rArr": "⇒", "lArr": "⇐", "hArr": "⇔",
      "forall": "∀", "part": "∂", "exist": "∃", "isin": "∈", "prod": "∏", "sum": "∑", "minus": "−",
      "radic": "√",
      "infin": "∞", "cap": "∩", "cup": "∪", "int": "∫", "asymp": "≈", "ne": "≠", "equiv": "≡", "le": "≤",
      "ge": "≥", "sdot": "⋅",
    ]
    for (offset, name) in latin.split(separator: " ").enumerated() {
      table[String(name)] = String(Character(Unicode.Scalar(UInt8(160 + offset))))
    }
    return table
  }()

  /// U+00A0 through U+00FF in order.
  private static let latin = """
    nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
    deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest \
    Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
    ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
    agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml \
    eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
    """
}
