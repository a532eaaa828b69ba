/// What stands in an SVG: numbers and text.
enum SVG {
  /// A length in pixels, to a tenth.
  static func number(_ value: Double) -> String {
    value == value.rounded() ? Brief.fixed(value, 0) : Brief.fixed(value, 1)
  }

  /// A line of small text.
  static func label(_ text: String, _ x: Double, _ y: Double, anchor: String) -> String {
    "<text class=\"label\" x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">"
      + "\(escaped(text))</text>"
  }

  /// A page of 800 × 480 with a title, as charts stand on.
  static func chart(_ title: String, titleAt left: Double, style: String, _ parts: [String]) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 480" width="800" height="480" role="img"\
     font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">
    <title>\(escaped(title))</title>
    \(style)
    <rect class="page" width="800" height="480"/>
    <text class="title" x="\(number(left))" y="34">\(escaped(title))</text>
    \(parts.joined(separator: "\n"))
    </svg>

    """
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
