/// Text on its way out, ended by the first of some strings.
///
/// The text is read byte by byte; it ends where a stop string is complete for the first time, and of stop strings
/// that are complete together the longest counts. What could still be the beginning of one waits, so no part of
/// a stop string is ever given out. The result does not depend on how the text comes in pieces.
package struct StopText: Sendable {
  /// A stop string as an automaton (Knuth, Morris and Pratt 1977).
  private struct Pattern {
    let bytes: [UInt8]
    /// By count of bytes that match: how many match still when the next one does not.
    let fallback: [Int]
    /// How many of its first bytes the text ends with.
    var matched = 0

    init(_ text: String) {
      bytes = Array(text.utf8)
      var fallback = [0, 0]
      for index in bytes.indices.dropFirst() {
        var length = fallback[index]
        while length > 0, bytes[length] != bytes[index] { length = fallback[length] }
        fallback.append(bytes[length] == bytes[index] ? length + 1 : 0)
      }
      self.fallback = fallback
    }

    /// Whether the string is complete with `byte`.
    mutating func read(_ byte: UInt8) -> Bool {
      while matched > 0, bytes[matched] != byte { matched = fallback[matched] }
      if bytes[matched] == byte { matched += 1 }
      return matched == bytes.count
    }
  }

  private var patterns: [Pattern]
  /// What may be the beginning of a stop string.
  private var waiting: [UInt8] = []
  /// Whether a stop string was found: no more text comes out.
  package private(set) var isComplete = false

  /// - Parameter stops: empty ones are left out.
  package init(_ stops: [String]) {
    patterns = stops.filter { !$0.isEmpty }.map(Pattern.init)
  }

  /// The text that can be given out now that `text` came.
  package mutating func append(_ text: String) -> String {
    if isComplete { return "" }
    if patterns.isEmpty { return text }
    for byte in text.utf8 {
      waiting.append(byte)
      var longest = 0
      for index in patterns.indices where patterns[index].read(byte) {
        longest = max(longest, patterns[index].bytes.count)
      }
      if longest > 0 {
        isComplete = true
        let text = String(decoding: waiting.dropLast(longest), as: UTF8.self)
        waiting = []
        return text
      }
    }
    let held = patterns.reduce(0) { max($0, $1.matched) }
    let text = String(decoding: waiting.dropLast(held), as: UTF8.self)
    waiting.removeFirst(waiting.count - held)
    return text
  }

  /// What still waits, when no more comes.
  package mutating func finish() -> String {
    defer { waiting = [] }
    return String(decoding: waiting, as: UTF8.self)
  }
}
