/// Tokens that are looked for in a text before it is cut into pieces: the longest at the leftmost place.
struct AddedTokens: Sendable {
  struct Token: Sendable, Equatable {
    let text: [UInt8]
    let id: Int32
    /// Special tokens are found only on request; others (runs of spaces, say) always.
    let isSpecial: Bool
  }

  /// In the order of ids.
  let tokens: [Token]
  /// By first byte: the tokens it may begin, longest first.
  private let byFirstByte: [[Token]]
  private let hasOrdinary: Bool
  private let tokenOfId: [Int32: Token]

  init(_ tokens: [Token]) {
    self.tokens = tokens.sorted { $0.id < $1.id }
    var byFirstByte = Array(repeating: [Token](), count: 256)
    for token in tokens.sorted(by: { $0.text.count > $1.text.count }) {
      if let first = token.text.first { byFirstByte[Int(first)].append(token) }
    }
    self.byFirstByte = byFirstByte
    hasOrdinary = tokens.contains { !$0.isSpecial }
    tokenOfId = Dictionary(tokens.map { ($0.id, $0) }) { first, _ in first }
  }

  var special: [SpecialToken] {
    tokens.filter(\.isSpecial).map { SpecialToken(bytes: $0.text, id: $0.id) }
  }

  func text(of id: Int32) -> [UInt8]? { tokenOfId[id]?.text }

  func isSpecial(_ id: Int32) -> Bool { tokenOfId[id]?.isSpecial ?? false }

  /// Calls `ordinary` with the stretches between found tokens and `found` with the tokens.
  @inline(__always)
  func split(
    _ text: Span<UInt8>, specials: SpecialTokenReading, ordinary: (Range<Int>) -> Void, found: (Int32) -> Void
  ) {
    guard !tokens.isEmpty, hasOrdinary || specials == .asIds else { return ordinary(0..<text.count) }
    var start = 0
    var position = 0
    while position < text.count {
      guard let token = token(in: text, at: position, specials: specials) else {
        position += 1
        continue
      }
      if position > start { ordinary(start..<position) }
      found(token.id)
      position += token.text.count
      start = position
    }
    if start < text.count { ordinary(start..<text.count) }
  }

  @inline(__always)
  func token(in text: Span<UInt8>, at position: Int, specials: SpecialTokenReading) -> Token? {
    let candidates = byFirstByte[Int(text[position])]
    if candidates.isEmpty { return nil }
    return candidates.first { candidate in
      (specials == .asIds || !candidate.isSpecial) && Self.matches(candidate.text, text, position)
    }
  }

  private static func matches(_ token: [UInt8], _ text: Span<UInt8>, _ position: Int) -> Bool {
    guard position + token.count <= text.count else { return false }
    for index in token.indices where token[index] != text[position + index] { return false }
    return true
  }
}
