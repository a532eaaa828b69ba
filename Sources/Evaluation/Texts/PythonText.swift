import Corpus

// Text as Python's `str` sees it, where a protocol is defined by what Python does: scalars, and its idea of space.

extension BidirectionalCollection where Element == Unicode.Scalar {
  /// `str.strip()`
  var stripped: SubSequence {
    guard let last = lastIndex(where: { !$0.isPythonSpace }) else { return self[endIndex...] }
    return self[...last].drop { $0.isPythonSpace }
  }

  /// UTF-8 of the scalars.
  var utf8: [UInt8] {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: self)
    return Array(String(text).utf8)
  }
}

extension [Unicode.Scalar] {
  /// The scalars of UTF-8 that has been validated.
  init(utf8: [UInt8]) { self.init(String(decoding: utf8, as: UTF8.self).unicodeScalars) }

  /// `str.replace(old, new)`
  func replacing(_ old: String, _ new: String) -> [Unicode.Scalar] {
    let old = Array(old.unicodeScalars), new = Array(new.unicodeScalars)
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(count)
    var position = 0
    while position < count {
      if self[position] == old[0], position + old.count <= count,
        old.indices.allSatisfy({ self[position + $0] == old[$0] })
      {
        result += new
        position += old.count
      } else {
        result.append(self[position])
        position += 1
      }
    }
    return result
  }

  /// Runs of white space: `len(re.split(r"\s+", text)) - 1`.
  var spaceRuns: Int {
    var runs = 0
    var isInRun = false
    for scalar in self {
      let isSpace = scalar.isPythonSpace
      if isSpace, !isInRun { runs += 1 }
      isInRun = isSpace
    }
    return runs
  }
}
