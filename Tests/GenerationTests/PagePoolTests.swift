import Testing

@testable import Generation

@Suite struct PagePoolTests {
  @Test("a kept beginning is found by its tokens alone, as far as it goes")
  func match() {
    var pool = PagePool(count: 4, pageTokens: 2)
    let a = pool.take() ?? -1, b = pool.take() ?? -1
    let first = pool.publish(a, [1, 2], behind: .root)
    _ = pool.publish(b, [3, 4], behind: first)
    #expect(pool.match([1, 2, 3, 4, 5], limit: 4).pages == [a, b])
    #expect(pool.match([1, 2, 3, 4, 5], limit: 3).pages == [a])
    #expect(pool.match([1, 2, 4, 3], limit: 4).pages == [a])
    #expect(pool.match([3, 4, 1, 2], limit: 4).pages == [])
  }

  @Test("the beginning left longest ago makes room, its last page first when a text gives back in that order")
  func eviction() {
    var pool = PagePool(count: 2, pageTokens: 1)
    let a = pool.take() ?? -1, b = pool.take() ?? -1
    let first = pool.publish(a, [1], behind: .root)
    _ = pool.publish(b, [2], behind: first)
    #expect(pool.take() == nil)
    pool.release(b)
    pool.release(a)
    #expect(pool.keptCount == 2 && pool.available == 2)
    #expect(pool.take() == b)
    #expect(pool.match([1, 2], limit: 2).pages == [a])
    #expect(pool.take() == nil)
  }

  @Test("a page that several hold is shared until one is left, and no page is lost or held twice")
  func invariants() {
    var random = SystemRandomNumberGenerator.seeded(7)
    var pool = PagePool(count: 9, pageTokens: 2)
    var held: [[Int32]] = []
    for _ in 0..<20_000 {
      switch Int(random.next() % 4) {
      case 0:
        if let page = pool.take() {
          #expect(!held.contains { $0.contains(page) })
          held.append([page])
          if random.next() % 2 == 0 {
            _ = pool.publish(page, [Int32(random.next() % 3), 0], behind: .root)
          }
        } else {
          #expect(pool.available == 0)
        }
      case 1:
        let found = pool.match([Int32(random.next() % 3), 0], limit: 2).pages
        if !found.isEmpty { held.append(found) }
      default:
        guard !held.isEmpty else { continue }
        for page in held.remove(at: Int(random.next() % UInt64(held.count))) { pool.release(page) }
      }
      let pages = held.flatMap(\.self)
      #expect(pool.usedCount == Set(pages).count && pool.available + pool.usedCount == 9)
      for page in Set(pages) { #expect(pool.isShared(page) == (pages.filter { $0 == page }.count > 1)) }
    }
  }
}

extension SystemRandomNumberGenerator {
  /// Numbers that a seed gives (SplitMix64).
  static func seeded(_ seed: UInt64) -> SeededNumbers { SeededNumbers(state: seed) }
}

struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
