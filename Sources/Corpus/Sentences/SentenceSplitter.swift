/// Cuts text into sentences by rules, made for English and fair to languages that write stops of their own.
///
/// A sentence ends behind a stop and the quotes and brackets that close after it, where space follows and what
/// comes next does not begin in lower case; not behind an abbreviation, an initial or the number of a list. An
/// empty line always ends one; a single line feed is space, for text is wrapped.
struct SentenceSplitter {
  private let text: [UInt8]
  private var start = 0
  private var sentences: [Range<Int>] = []

  /// The sentences of UTF-8 `text` in order, without the white space around them; none is empty.
  static func split(_ text: [UInt8]) -> [Range<Int>] {
    var splitter = SentenceSplitter(text: text)
    splitter.run()
    return splitter.sentences
  }

  private init(text: [UInt8]) { self.text = text }

  private mutating func run() {
    var position = 0
    while position < text.count {
      switch text[position] {
      case 0x0A where isBlankLine(after: position):
        end(at: position)
        position += 1
      case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"): position = pass(stopAt: position)
      case 0xC2...:
        let scalar = self.scalar(at: position) ?? "\u{FFFD}"
        position = scalar.isStop ? pass(stopAt: position) : position + UTF8.width(scalar)
      default: position += 1
      }
    }
    end(at: text.count)
  }

  /// Passes stops and what closes after them, and ends the sentence where they do.
  private mutating func pass(stopAt first: Int) -> Int {
    var position = skip(from: first, while: \.isStop)
    let stops = first..<position
    position = skip(from: position, while: \.isCloser)
    if isEnd(stops, closedAt: position) { end(at: position) }
    return position
  }

  private mutating func end(at end: Int) {
    let first = skip(from: start, while: \.properties.isWhitespace)
    start = end
    var last = end
    while last > first, text[last - 1] <= 0x20 { last -= 1 }
    if first < last { sentences.append(first..<last) }
  }

  private func isEnd(_ stops: Range<Int>, closedAt end: Int) -> Bool {
    guard let stop = scalar(at: stops.lowerBound), let following = scalar(at: end) else { return true }
    if stop.isFullStop {
      // 「…。」と言った: the sentence goes on around what was quoted.
      return !(end > stops.upperBound && (0x3041...0x309F).contains(following.value))
    }
    guard following.properties.isWhitespace else { return false }
    let word = skip(from: skip(from: end, while: \.properties.isWhitespace), while: \.isOpener)
    guard let next = scalar(at: word) else { return true }
    if next.properties.isLowercase || next.isStop { return false }
    guard stops.count == 1, stop == "." else { return true }
    return !isAbbreviation(endingAt: stops.lowerBound, next: word)
  }

  /// Whether the word whose period is at `end` goes on with the one at `next`.
  private func isAbbreviation(endingAt end: Int, next: Int) -> Bool {
    var first = end
    while first > start, text[first - 1] > 0x20, text[first - 1] != UInt8(ascii: "-") { first -= 1 }
    first = min(skip(from: first, while: \.isOpener), end)
    let bytes = text[first..<end]
    guard !bytes.isEmpty, bytes.count <= 8 else { return false }
    let word = String(decoding: bytes, as: UTF8.self)
    let lowercase = word.lowercased()
    if Abbreviations.beforeNames.contains(lowercase) { return true }
    // Behind more marks than these stands no list's number; and looking past them at each stop would take its time.
    let isFirst =
      first - start <= 64
      && skip(from: start, while: { $0.properties.isWhitespace || $0.isOpener }) >= first
    if isFirst, word.allSatisfy(\.isNumber) || word.allSatisfy({ "IVXLC".contains($0) }) { return true }
    if (0x30...0x39).contains(text[next]) { return Abbreviations.beforeNumbers.contains(lowercase) }
    let pieces = word.split(separator: ".", omittingEmptySubsequences: false)
    let isInitials = pieces.allSatisfy { (1...2).contains($0.count) && $0.allSatisfy(\.isLetter) }
    guard pieces.count > 1 ? isInitials : word.count == 1 && word.allSatisfy(\.isLetter) else {
      return Abbreviations.anywhere.contains(lowercase) && !isStarter(at: next)
    }
    return !isStarter(at: next)
  }

  /// Whether a word that often begins sentences, and seldom a name, is at `position`.
  private func isStarter(at position: Int) -> Bool {
    let end = skip(from: position, while: { $0.properties.isAlphabetic || $0 == "'" || $0 == "’" })
    guard end < text.count, text[end] != UInt8(ascii: ".") else { return false }
    let word = String(decoding: text[position..<end], as: UTF8.self)
    return Abbreviations.starters.contains(word.prefix { $0 != "'" && $0 != "’" }.lowercased())
  }

  private func isBlankLine(after lineFeed: Int) -> Bool {
    var position = lineFeed + 1
    while position < text.count, [0x20, 0x09, 0x0D].contains(text[position]) { position += 1 }
    return position == text.count || text[position] == 0x0A
  }

  private func skip(from position: Int, while condition: (Unicode.Scalar) -> Bool) -> Int {
    var position = position
    while let scalar = scalar(at: position), condition(scalar) { position += UTF8.width(scalar) }
    return position
  }

  /// The scalar whose first byte is at `position`; nil at the end. Bytes that are none read as U+FFFF, which
  /// nothing asks for; the text was validated.
  private func scalar(at position: Int) -> Unicode.Scalar? {
    guard position < text.count else { return nil }
    let lead = text[position]
    if lead < 0x80 { return Unicode.Scalar(lead) }
    let width = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    var value = UInt32(lead) & (0x7F >> UInt32(width))
    for byte in text[position...].dropFirst().prefix(width - 1) { value = value << 6 | UInt32(byte & 0x3F) }
    return Unicode.Scalar(value) ?? "\u{FFFF}"
  }
}

extension Unicode.Scalar {
  fileprivate var isStop: Bool {
    switch self {
    case ".", "!", "?", "…": true
    default: isFullStop
    }
  }

  /// Stops that mean nothing else: Chinese, Japanese, Hindi, Urdu, Arabic.
  fileprivate var isFullStop: Bool {
    switch self {
    case "。", "！", "？", "｡", "।", "॥", "۔", "؟": true
    default: false
    }
  }

  fileprivate var isCloser: Bool {
    switch self {
    case "\"", "'", ")", "]", "}", "”", "’", "»", "›", "」", "』", "）", "】", "》", "〉": true
    default: false
    }
  }

  fileprivate var isOpener: Bool {
    switch self {
    case "\"", "'", "(", "[", "{", "“", "‘", "«", "‹", "„", "‚", "¿", "¡", "*", "_", "-", "–", "—": true
    default: false
    }
  }
}
