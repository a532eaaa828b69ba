/// Turns ids into text one at a time, giving out whole characters only.
///
/// A token may end inside a character; its bytes wait for the next token (at most three do). Bytes that
/// can no longer become a character come out as U+FFFD, as `String(decoding:)` would give.
package struct TextStream {
  private let tokenizer: any Tokenizer
  private var pending: [UInt8] = []
  /// Whether the next token begins the text: the space before its first word is none then.
  private var isAtStart: Bool

  /// - Parameter isContinued: whether other text stands before.
  package init(_ tokenizer: any Tokenizer, isContinued: Bool = true) {
    self.tokenizer = tokenizer
    isAtStart = !isContinued
  }

  /// The text that `id` completes.
  package mutating func append(_ id: Int32) -> String {
    pending += isAtStart ? tokenizer.decode([id]) : tokenizer.token(id) ?? []
    isAtStart = isAtStart && pending.isEmpty
    let whole = pending.count - Self.unfinished(pending)
    let text = String(decoding: pending[..<whole], as: UTF8.self)
    pending.removeFirst(whole)
    return text
  }

  /// The text of what still waits.
  package mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end begin a character that more bytes could complete.
  private static func unfinished(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xC0 == 0x80 { continue }
      let tail = Array(bytes.suffix(length))
      return UTF8Scalar.isUnfinished(tail.span) ? length : 0
    }
    return 0
  }
}
