/// Which pages of a key-value cache are in use, and which of them hold the beginning of a text that may come again.
///
/// A page has as many holders as texts that begin with its tokens. A full page is kept when its last holder leaves,
/// until room is needed: the page left longest ago goes first. Pages of the beginnings of texts are found by the
/// tokens themselves, not by a hash alone.
struct PagePool {
  /// Tokens of a page.
  let pageTokens: Int
  private var holders: [Int]
  private var free: [Int32]
  private var idle: IdlePages
  private var known: [Beginning: Int32] = [:]
  private var beginnings: [Beginning?]
  private var places: [Place?]
  private var lastPlace = 0

  /// Where a page stands in the tree of known beginnings. Numbers are not used again.
  struct Place: Hashable {
    fileprivate let number: Int
    /// Before the first page.
    static let root = Place(number: 0)
  }

  /// The tokens of a page, and the place of the page before it.
  private struct Beginning: Hashable {
    let before: Place
    let tokens: [Int32]
  }

  init(count: Int, pageTokens: Int) {
    self.pageTokens = pageTokens
    holders = [Int](repeating: 0, count: count)
    free = (0..<Int32(count)).reversed()
    idle = IdlePages(count: count)
    beginnings = [Beginning?](repeating: nil, count: count)
    places = [Place?](repeating: nil, count: count)
  }

  var count: Int { holders.count }
  /// Pages that can be taken.
  var available: Int { free.count + idle.count }
  /// Pages without a holder that are kept for what they hold.
  var keptCount: Int { idle.count }
  var usedCount: Int { count - available }

  /// A page for one holder, its contents unspecified; nil where all are held.
  mutating func take() -> Int32? {
    if let page = free.popLast() {
      holders[Int(page)] = 1
      return page
    }
    guard let page = idle.removeFirst() else { return nil }
    forget(page)
    holders[Int(page)] = 1
    return page
  }

  /// Adds a holder.
  mutating func retain(_ page: Int32) {
    if holders[Int(page)] == 0 { idle.remove(page) }
    holders[Int(page)] += 1
  }

  /// Removes a holder.
  mutating func release(_ page: Int32) {
    precondition(holders[Int(page)] > 0, "page \(page) is released by nobody")
    holders[Int(page)] -= 1
    guard holders[Int(page)] == 0 else { return }
    if beginnings[Int(page)] == nil { free.append(page) } else { idle.append(page) }
  }

  /// Whether others hold it too: who writes to it takes a copy first.
  func isShared(_ page: Int32) -> Bool { holders[Int(page)] > 1 }

  /// The pages that hold the longest known beginning of `tokens`, at most `limit` tokens, with a holder added to each;
  /// and the place of the last.
  mutating func match(_ tokens: [Int32], limit: Int) -> (pages: [Int32], place: Place) {
    var pages: [Int32] = []
    var place = Place.root
    while (pages.count + 1) * pageTokens <= min(limit, tokens.count) {
      let part = Array(tokens[pages.count * pageTokens..<(pages.count + 1) * pageTokens])
      guard let page = known[Beginning(before: place, tokens: part)], let next = places[Int(page)] else {
        break
      }
      retain(page)
      pages.append(page)
      place = next
    }
    return (pages, place)
  }

  /// Makes a full page known as the one behind `place`, unless one with these tokens is; gives the place of that page.
  mutating func publish(_ page: Int32, _ tokens: [Int32], behind place: Place) -> Place {
    // A page that several hold may be known already.
    if let place = places[Int(page)] { return place }
    let beginning = Beginning(before: place, tokens: tokens)
    if let other = known[beginning], let place = places[Int(other)] { return place }
    lastPlace += 1
    let new = Place(number: lastPlace)
    known[beginning] = page
    beginnings[Int(page)] = beginning
    places[Int(page)] = new
    return new
  }

  private mutating func forget(_ page: Int32) {
    if let beginning = beginnings[Int(page)] { known[beginning] = nil }
    beginnings[Int(page)] = nil
    places[Int(page)] = nil
  }
}

/// Pages in the order in which they were left: a list linked through arrays.
private struct IdlePages {
  private(set) var count = 0
  private var next: [Int32]
  private var previous: [Int32]
  /// The place behind the last page stands for both ends.
  private let end: Int32

  init(count: Int) {
    end = Int32(count)
    next = [Int32](repeating: end, count: count + 1)
    previous = next
  }

  mutating func append(_ page: Int32) {
    let last = previous[Int(end)]
    next[Int(last)] = page
    previous[Int(page)] = last
    next[Int(page)] = end
    previous[Int(end)] = page
    count += 1
  }

  mutating func remove(_ page: Int32) {
    next[Int(previous[Int(page)])] = next[Int(page)]
    previous[Int(next[Int(page)])] = previous[Int(page)]
    count -= 1
  }

  mutating func removeFirst() -> Int32? {
    let first = next[Int(end)]
    guard first != end else { return nil }
    remove(first)
    return first
  }
}
