/// What stands in an SVG: numbers and text.
enum SVG {
  /// A length in pixels, to a tenth.
  static func number(_ value: Double) -> String {
    value == value.rounded() ? Brief.fixed(value, 0) : Brief.fixed(value, 1)
  }

  /// Text between tags; control characters, which XML does not have, become spaces.
  static func escaped(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
          switch scalar {
          case "&": Array("&amp;".unicodeScalars)
          case "<": Array("&lt;".unicodeScalars)
          case ">": Array("&gt;".unicodeScalars)
          case _ where scalar.value < 0x20: [" "]
          default: [scalar]
          }
        }))
  }
}
