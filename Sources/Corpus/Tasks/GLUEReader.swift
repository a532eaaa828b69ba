/// Reads tables of GLUE: a heading and a question a line, columns between tabs.
///
/// Source: Megatron-LM `tasks/glue`. Files without labels, told by their headings, are read too.
enum GLUEReader {
  /// MNLI: sentences in columns 8 and 9, the label in the last; ten columns have none.
  static func readMNLI(_ paths: [String]) throws -> TaskQuestions {
    let names = ["contradiction", "entailment", "neutral"]
    return try read(paths) { row, columns, place throws(CorpusFailure) in
      guard columns >= 10 else {
        throw CorpusFailure(
          place, "the heading has \(columns) columns, expected 10 or more, as MNLI has them")
      }
      guard row.count >= 10, let last = row.last else {
        throw CorpusFailure(place, "the row has \(row.count) columns, its heading \(columns)")
      }
      var label = Batch.ignored
      if columns > 10 {
        let name = String(decoding: last, as: UTF8.self)
        guard let index = names.firstIndex(of: name) else {
          throw CorpusFailure(place, "the label is '\(name)', expected \(names.joined(separator: ", "))")
        }
        label = Int32(index)
      }
      let question = TaskQuestion(first: [row[8]], second: row[9], label: label)
      guard !row[8].isEmpty, !row[9].isEmpty else { throw CorpusFailure(place, "a sentence is empty") }
      return question
    }
  }

  /// QQP: questions in columns 3 and 4, the label in 5; three columns are a number and two questions. Rows with
  /// another number of columns, or without text, are left out and counted: the set has some.
  static func readQQP(_ paths: [String]) throws -> TaskQuestions {
    try read(paths) { row, columns, place throws(CorpusFailure) in
      guard columns == 3 || columns == 6 else {
        throw CorpusFailure(place, "the heading has \(columns) columns, expected 3 or 6, as QQP has them")
      }
      guard row.count == columns else { return nil }
      let (first, second) = columns == 3 ? (row[1], row[2]) : (row[3], row[4])
      guard !first.isEmpty, !second.isEmpty else { return nil }
      var label = Batch.ignored
      if columns == 6 {
        guard row[5] == [0x30] || row[5] == [0x31] else {
          let got = String(decoding: row[5], as: UTF8.self)
          throw CorpusFailure(place, "the label is '\(got)', expected 0 or 1")
        }
        label = Int32(row[5][0] - 0x30)
      }
      return TaskQuestion(first: [first], second: second, label: label)
    }
  }

  /// - Parameter question: What a row asks, given the columns of the heading and the row's place; nil leaves it out.
  private static func read(
    _ paths: [String],
    question: (_ row: [[UInt8]], _ columns: Int, _ place: String) throws(CorpusFailure) -> TaskQuestion?
  ) throws -> TaskQuestions {
    var result = TaskQuestions()
    for path in paths {
      var lines = try TaskLines(path)
      guard let heading = try lines.next() else { throw CorpusFailure(path, "is empty, expected a heading") }
      let columns = row(heading).count
      while let line = try lines.next() {
        if let question = try question(row(line), columns, lines.place) {
          result.questions.append(question)
        } else {
          result.dropped += 1
        }
      }
    }
    return result
  }

  private static func row(_ line: [UInt8]) -> [[UInt8]] {
    line.stripped.split(separator: 0x09, omittingEmptySubsequences: false).map { Array($0).stripped.cleaned }
  }
}
