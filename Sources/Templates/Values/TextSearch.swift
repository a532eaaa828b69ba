/// Where a text stands in another, in time linear in both (Knuth, Morris and Pratt). Bytes of UTF-8 match
/// where code points do.
struct TextSearch {
  private let sought: [UInt8]
  /// For each length of the sought text's beginning: the longest shorter beginning that it ends with.
  private let fallback: [Int]

  /// - Precondition: `sought` is not empty.
  init(_ sought: some Sequence<UInt8>) {
    self.sought = Array(sought)
    precondition(!self.sought.isEmpty, "got an empty text to search for")
    var fallback = [0, 0]
    var length = 0
    for byte in self.sought.dropFirst() {
      while length > 0, self.sought[length] != byte { length = fallback[length] }
      if self.sought[length] == byte { length += 1 }
      fallback.append(length)
    }
    self.fallback = fallback
  }

  /// The offsets of `most` matches at most, from the left, that do not overlap unless they may.
  func matches(in text: some Collection<UInt8>, most: Int = .max, overlapping: Bool = false) -> [Int] {
    var found: [Int] = []
    guard most > 0 else { return found }
    var length = 0
    for (offset, byte) in text.enumerated() {
      while length > 0, sought[length] != byte { length = fallback[length] }
      if sought[length] == byte { length += 1 }
      guard length == sought.count else { continue }
      found.append(offset + 1 - length)
      if found.count == most { break }
      length = overlapping ? fallback[length] : 0
    }
    return found
  }

  static func contains(_ text: String, _ sought: String) -> Bool {
    sought.isEmpty || !TextSearch(sought.utf8).matches(in: text.utf8, most: 1).isEmpty
  }

  /// Offsets in bytes, ascending; from the right where `fromEnd`.
  static func offsets(of sought: String, in text: String, most: Int = .max, fromEnd: Bool = false) -> [Int] {
    guard fromEnd else { return TextSearch(sought.utf8).matches(in: text.utf8, most: most) }
    let (length, count) = (text.utf8.count, sought.utf8.count)
    let backward = TextSearch(sought.utf8.reversed()).matches(in: text.utf8.reversed(), most: most)
    return backward.reversed().map { length - $0 - count }
  }

  /// The parts of `text` between the matches of `separator`.
  static func split(_ text: String, at separator: String, most: Int = .max, fromEnd: Bool = false) -> [String]
  {
    let bytes = Array(text.utf8)
    var parts: [String] = []
    var start = 0
    for offset in offsets(of: separator, in: text, most: most, fromEnd: fromEnd) {
      parts.append(String(decoding: bytes[start..<offset], as: UTF8.self))
      start = offset + separator.utf8.count
    }
    parts.append(String(decoding: bytes[start...], as: UTF8.self))
    return parts
  }
}
