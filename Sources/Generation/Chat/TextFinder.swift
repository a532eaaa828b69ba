/// Finds texts of a fixed set in another, in time that does not grow with their number.
struct TextFinder: Sendable {
  private struct Node: Sendable {
    var children: [UInt8: Int] = [:]
    var isEnd = false
  }
  private var forward = [Node()]
  private var backward = [Node()]
  private var longest = 0

  init(_ texts: [[UInt8]]) {
    for text in texts where !text.isEmpty {
      Self.insert(text, into: &forward)
      Self.insert(text.reversed(), into: &backward)
      longest = max(longest, text.count)
    }
  }

  private static func insert(_ text: some Sequence<UInt8>, into nodes: inout [Node]) {
    var node = 0
    for byte in text {
      if let child = nodes[node].children[byte] {
        node = child
      } else {
        nodes.append(Node())
        nodes[node].children[byte] = nodes.count - 1
        node = nodes.count - 1
      }
    }
    nodes[node].isEnd = true
  }

  /// Where the texts stand, from the left, of those that start at one place the longest.
  func ranges(in bytes: [UInt8]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while start < bytes.count {
      if let end = longestMatch(bytes, from: start) {
        ranges.append(start..<end)
        start = end
      } else {
        start += 1
      }
    }
    return ranges
  }

  private func longestMatch(_ bytes: [UInt8], from start: Int) -> Int? {
    var node = 0
    var end: Int?
    for index in start..<bytes.count {
      guard let child = forward[node].children[bytes[index]] else { break }
      node = child
      if forward[node].isEnd { end = index + 1 }
    }
    return end
  }

  /// The longest end of `bytes` that begins one of the texts, which what follows could complete.
  func openEnd(of bytes: ArraySlice<UInt8>) -> Range<Int>? {
    let first = max(bytes.startIndex, bytes.endIndex - longest)
    for start in first..<bytes.endIndex {
      var node: Int? = 0
      for byte in bytes[start...] {
        node = node.flatMap { forward[$0].children[byte] }
        if node == nil { break }
      }
      if node != nil { return start..<bytes.endIndex }
    }
    return nil
  }

  /// The longest beginning of `bytes` that ends one of the texts, which what stands before could complete.
  func openStart(of bytes: ArraySlice<UInt8>) -> Range<Int>? {
    let last = min(bytes.endIndex, bytes.startIndex + longest)
    for end in stride(from: last, to: bytes.startIndex, by: -1) {
      var node: Int? = 0
      for byte in bytes[..<end].reversed() {
        node = node.flatMap { backward[$0].children[byte] }
        if node == nil { break }
      }
      if node != nil { return bytes.startIndex..<end }
    }
    return nil
  }
}
