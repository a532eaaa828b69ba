import Testing

/// Tags close in the order in which they opened.
func expectWellFormed(_ svg: String) {
  var open: [Substring] = []
  for tag in svg.matches(of: /<(\/?)([a-z]+)[^<>]*?(\/?)>/).map(\.output) where tag.3.isEmpty {
    if tag.1.isEmpty { open.append(tag.2) } else { #expect(open.popLast() == tag.2) }
  }
  #expect(open.isEmpty)
}
