/// One question of a task, cleaned, in UTF-8.
struct TaskQuestion: Sendable, Equatable {
  /// The first text of each choice.
  var first: [[UInt8]]
  /// The second text, of all choices.
  var second: [UInt8]
  /// `Batch.ignored` where the file does not tell.
  var label: Int32
}

/// What a task's files hold.
struct TaskQuestions: Sendable, Equatable {
  var questions: [TaskQuestion] = []
  /// Rows left out because they are malformed.
  var dropped = 0
}

extension [UInt8] {
  /// White space becomes one space each, and " . " becomes ". ", as the tasks of Megatron-LM clean texts.
  var cleaned: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(count)
    var isSpace = false
    for scalar in String(decoding: self, as: UTF8.self).unicodeScalars {
      let wasSpace = isSpace
      isSpace = scalar.isPythonSpace
      if !isSpace {
        text.append(contentsOf: scalar.utf8)
      } else if !wasSpace {
        text.append(0x20)
      }
    }
    for _ in 0..<3 { text = text.replacing(Array(" . ".utf8), with: Array(". ".utf8)) }
    return text
  }

  /// Without white space at either end.
  var stripped: [UInt8] {
    let scalars = String(decoding: self, as: UTF8.self).unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return [] }
    return Array(String(scalars[first...last]).utf8)
  }
}

extension Unicode.Scalar {
  /// What Python's `str.isspace` and `\s` take for white space: Unicode's and the four separators of ASCII.
  package var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}

/// The lines of a task's file, each valid UTF-8.
struct TaskLines {
  private let path: String
  private var lines: LineReader

  init(_ path: String) throws {
    self.path = path
    lines = LineReader(try Compression.open(path))
  }

  /// The file and the line last read.
  var place: String { "\(path):\(lines.line)" }

  mutating func next() throws(CorpusFailure) -> [UInt8]? {
    guard let line = try lines.next() else { return nil }
    do { _ = try UTF8Span(validating: line.span) } catch {
      throw CorpusFailure(
        place, "invalid UTF-8 at byte \(error.byteOffsets.lowerBound) of the line; convert the file to UTF-8")
    }
    return line
  }
}
