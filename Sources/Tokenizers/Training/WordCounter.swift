import Dispatch
import Synchronization

/// How often each piece of text (a "word", by a pattern) stands in the documents seen so far.
package final class WordCounter: Sendable {
  let pretokenizer: Pretokenizer
  private let tables: [CountTable]

  /// - Parameter threads: how many threads count; each keeps its own table until the end.
  package init(_ pretokenizer: Pretokenizer, threads: Int = 1) {
    self.pretokenizer = pretokenizer
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
      for document in documents {
        let text = document.span
        pretokenizer.forEachPiece(text, in: 0..<text.count) { start, end in
          let (number, isNew) = state.words.add(text, in: start..<end)
          if isNew { state.counts.append(1) } else { state.counts[number] += 1 }
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
  }

  let state = Mutex(State())
}
