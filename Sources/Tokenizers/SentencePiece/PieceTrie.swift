/// The pieces of a unigram model by their bytes, as a double array (Aoe 1989): the child of a node by a byte
/// lies at `base ^ byte` and names its parent, so that a step is one load.
struct PieceTrie: Sendable {
  struct Node: Sendable {
    /// Where the children lie, each at this number with its byte flipped in; 0 where there are none.
    fileprivate(set) var base: Int32 = 0
    /// The parent's place; -1 where the place is free.
    fileprivate var parent: Int32 = -1
    /// The piece that ends here, or -1.
    fileprivate(set) var id: Int32 = -1
    fileprivate(set) var score: Float = 0
  }

  private(set) var nodes: [Node]
  private var firstFree = 1

  static let root = 0

  init(_ pieces: [(text: [UInt8], id: Int32, score: Float)]) {
    nodes = Array(repeating: Node(), count: 256)
    // Taken, and nobody's child: least of all its own, or the byte that is its base would be a way back to it.
    nodes[Self.root].parent = .max
    let sorted = pieces.sorted { $0.text.lexicographicallyPrecedes($1.text) }
    var waiting = [(place: Self.root, range: 0..<sorted.count, depth: 0)]
    while let node = waiting.popLast() {
      var range = node.range
      // Equal pieces, which only a damaged model has, are one.
      while let first = range.first, sorted[first].text.count == node.depth {
        nodes[node.place].id = sorted[first].id
        nodes[node.place].score = sorted[first].score
        range = range.dropFirst()
      }
      let children = Self.children(sorted[range], depth: node.depth)
      guard !children.isEmpty else { continue }
      let base = takePlaces(children.map { Int($0.byte) }, parent: node.place)
      nodes[node.place].base = Int32(base)
      for child in children { waiting.append((base ^ Int(child.byte), child.range, node.depth + 1)) }
    }
  }

  private static func children(
    _ sorted: ArraySlice<(text: [UInt8], id: Int32, score: Float)>, depth: Int
  ) -> [(byte: UInt8, range: Range<Int>)] {
    var children: [(byte: UInt8, range: Range<Int>)] = []
    for index in sorted.indices {
      let byte = sorted[index].text[depth]
      if let last = children.last, last.byte == byte {
        children[children.count - 1].range = last.range.lowerBound..<index + 1
      } else {
        children.append((byte, index..<index + 1))
      }
    }
    return children
  }

  /// Finds a base whose places for `bytes` are free and takes them; beyond a few tries, new places.
  private mutating func takePlaces(_ bytes: [Int], parent: Int) -> Int {
    while firstFree < nodes.count, nodes[firstFree].parent >= 0 { firstFree += 1 }
    var tries = 0
    var place = firstFree
    var base = nodes.count
    while place < nodes.count, tries < 100 {
      if nodes[place].parent < 0 {
        tries += 1
        let candidate = place ^ bytes[0]
        if candidate > 0, bytes.allSatisfy({ nodes[candidate ^ $0].parent < 0 }) {
          base = candidate
          break
        }
      }
      place += 1
    }
    // The count is a multiple of 256, so that whatever byte is flipped into a base stays inside.
    if base == nodes.count { nodes += Array(repeating: Node(), count: 256) }
    for byte in bytes { nodes[base ^ byte].parent = Int32(parent) }
    return base
  }

  /// The place of the child of `place` by `byte`; nil where no piece goes on so.
  @inline(__always)
  static func child(of place: Int, by byte: UInt8, _ nodes: Span<Node>) -> Int? {
    let child = Int(nodes[place].base) ^ Int(byte)
    return Int(nodes[child].parent) == place ? child : nil
  }
}
