extension Range<Int> {
  /// Part `index` of `0 ..< count` in `parts` runs whose lengths differ by at most one, longer ones first.
  package static func part(_ index: Int, of parts: Int, count: Int) -> Range<Int> {
    precondition((0..<parts).contains(index), "part \(index) of \(parts)")
    let length = count / parts, longer = count % parts
    let first = index * length + Swift.min(index, longer)
    return first..<first + length + (index < longer ? 1 : 0)
  }
}
