/// Finds the merges of byte-pair encoding: again and again the pair of neighbours that is most frequent
/// over all words becomes one symbol.
///
/// Of equally frequent pairs the one with the smaller ids merges first, and counts of overlapping pairs
/// ("aaa") are kept the way Hugging Face `tokenizers` keeps them, so the merges are the same as its own.
/// A merge costs what the words that hold its pair cost, and nothing for the others.
struct BytePairLearner {
  /// A pair that waits to be merged, most frequent first.
  private struct Candidate: Comparable, Sendable {
    var count: Int
    let pair: PairCounts.Pair
    /// Where its words are listed.
    let list: Int32
    let index: Int32

    static func < (first: Candidate, second: Candidate) -> Bool {
      first.count != second.count ? first.count > second.count : first.pair < second.pair
    }
  }

  private struct Word: Sendable {
    let start: Int
    var length: Int
    let count: Int
  }

  /// Symbols of all words end to end; behind those of a shrunken word stand old ones.
  private var symbols: [Int32] = []
  private var words: [Word] = []

  private var pairs = PairCounts()
  private var queue = Heap<Candidate>()
  private var lists: [[Int32]] = []
  /// By pair: the list that the current step fills, or -1.
  private var openLists: [Int32] = []
  private var opened: [Int] = []

  /// - Parameter symbol: by byte, the id it starts as.
  init(_ words: ByteTable, counts: [Int], symbol: [Int32]) {
    self.init(
      words.allBytes.map { symbol[Int($0)] }, words: (0..<words.count).map(words.range), counts: counts)
  }

  /// - Parameters:
  ///   - symbols: the ids that words start as, all words end to end.
  ///   - words: where each word lies among them.
  init(_ symbols: [Int32], words ranges: [Range<Int>], counts: [Int]) {
    self.symbols = symbols
    words = zip(ranges, counts).map { Word(start: $0.lowerBound, length: $0.count, count: $1) }
    for (word, range) in ranges.enumerated() {
      for at in range.dropLast() {
        change(PairCounts.pair(symbols[at], symbols[at + 1]), by: counts[word], in: word)
      }
    }
    closeLists()
  }

  /// The next pair to merge and its count; nil when none is as frequent as `minimum`.
  ///
  /// The caller merges it by `merge(_:as:)`, or drops it.
  mutating func next(minimum: Int) -> (left: Int32, right: Int32, words: [Int32])? {
    while var candidate = queue.removeFirst() {
      let count = pairs.counts[Int(candidate.index)]
      if candidate.count != count {
        candidate.count = count
        queue.insert(candidate)
        continue
      }
      guard count >= max(minimum, 1) else { return nil }
      let words = lists[Int(candidate.list)]
      lists[Int(candidate.list)] = []
      let (left, right) = PairCounts.symbols(candidate.pair)
      return (left, right, words)
    }
    return nil
  }

  /// Replaces the pair by `id` in the words that `next` named.
  mutating func merge(_ found: (left: Int32, right: Int32, words: [Int32]), as id: Int32) {
    for word in found.words { merge(found.left, found.right, as: id, in: Int(word)) }
    closeLists()
  }

  private mutating func merge(_ left: Int32, _ right: Int32, as id: Int32, in word: Int) {
    let start = words[word].start
    let end = start + words[word].length
    let count = words[word].count
    var read = start
    var write = start
    while read < end {
      guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
        symbols[write] = symbols[read]
        write += 1
        read += 1
        continue
      }
      if write > start {
        let before = symbols[write - 1]
        change(PairCounts.pair(before, left), by: -count, in: word)
        change(PairCounts.pair(before, id), by: count, in: word)
      }
      read += 2
      if read < end {
        change(PairCounts.pair(right, symbols[read]), by: -count, in: word)
        change(PairCounts.pair(id, symbols[read]), by: count, in: word)
      }
      symbols[write] = id
      write += 1
    }
    words[word].length = write - start
  }

  private mutating func change(_ pair: PairCounts.Pair, by amount: Int, in word: Int) {
    let index = pairs.index(of: pair)
    pairs.counts[index] += amount
    guard amount > 0 else { return }
    if index >= openLists.count {
      openLists += Array(repeating: -1, count: index + 1 - openLists.count)
    }
    if openLists[index] < 0 {
      openLists[index] = Int32(lists.count)
      opened.append(index)
      lists.append([])
    }
    let list = Int(openLists[index])
    if lists[list].last != Int32(word) { lists[list].append(Int32(word)) }
  }

  /// Puts the pairs that the step has made in the queue.
  private mutating func closeLists() {
    for index in opened {
      let list = openLists[index]
      openLists[index] = -1
      let count = pairs.counts[index]
      if count > 0 {
        queue.insert(Candidate(count: count, pair: pairs.pairs[index], list: list, index: Int32(index)))
      }
    }
    opened.removeAll(keepingCapacity: true)
  }
}
