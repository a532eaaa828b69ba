import Dispatch
import Synchronization

/// How often each piece of text (a "word", by a rule) stands in the documents seen so far.
package final class WordCounter: Sendable {
  /// What a word is.
  enum Rule: Sendable {
    case pieces(Pretokenizer)
    case bert(BertWords)
  }

  let rule: Rule
  private let tables: [CountTable]

  /// Counts the pieces of a pattern.
  ///
  /// - Parameter threads: how many threads count; each keeps its own table until the end.
  package convenience init(_ pretokenizer: Pretokenizer, threads: Int = 1) {
    self.init(.pieces(pretokenizer), threads: threads)
  }

  /// Counts the words of BERT, normalised.
  ///
  /// - Parameter isCased: whether words keep their capitals and accents.
  package convenience init(bertCased isCased: Bool, threads: Int = 1) {
    self.init(.bert(BertWords(isCased ? .cased : .uncased)), threads: threads)
  }

  private init(_ rule: Rule, threads: Int) {
    self.rule = rule
    tables = (0..<max(threads, 1)).map { _ in CountTable() }
  }

  /// Counts the words of `documents`; call it batch by batch for texts that do not fit in memory.
  package func add(_ documents: [[UInt8]]) {
    guard tables.count > 1 else { return count(documents[...], in: tables[0]) }
    let share = (documents.count + tables.count - 1) / tables.count
    DispatchQueue.concurrentPerform(iterations: tables.count) { index in
      let start = min(index * share, documents.count)
      count(documents[start..<min(start + share, documents.count)], in: tables[index])
    }
  }

  private func count(_ documents: ArraySlice<[UInt8]>, in table: CountTable) {
    table.state.withLock { state in
      var space = WordPieceWorkspace()
      for document in documents {
        let text = document.span
        switch rule {
        case .pieces(let pretokenizer):
          pretokenizer.forEachPiece(text, in: 0..<text.count) { state.add(text, in: $0..<$1) }
        case .bert(let words):
          words.forEach(text, in: 0..<text.count, word: &space.word, scalars: &space.scalars) { word in
            state.add(word, in: 0..<word.count)
          }
        }
      }
    }
  }

  /// All words and their counts, in an order that does not matter.
  func words() -> (words: ByteTable, counts: [Int]) {
    var total = tables[0].state.withLock { $0 }
    for table in tables.dropFirst() {
      let other = table.state.withLock { $0 }
      let bytes = other.words.allBytes
      for number in 0..<other.words.count {
        let (merged, isNew) = total.words.add(bytes.span, in: other.words.range(number))
        if isNew {
          total.counts.append(other.counts[number])
        } else {
          total.counts[merged] += other.counts[number]
        }
      }
    }
    return (total.words, total.counts)
  }
}

/// One thread's words and their counts.
private final class CountTable: Sendable {
  struct State: Sendable {
    var words = ByteTable()
    var counts: [Int] = []

    @inline(__always)
    mutating func add(_ text: Span<UInt8>, in range: Range<Int>) {
      let (number, isNew) = words.add(text, in: range)
      if isNew { counts.append(1) } else { counts[number] += 1 }
    }
  }

  let state = Mutex(State())
}
