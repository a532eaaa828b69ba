/// Unicode's normal form C: characters composed where they can be (Unicode Standard Annex 15).
struct NormalFormC: Sendable {
  private let decompositions = CanonicalDecompositions.unicode
  private let composites: [CanonicalDecompositions.Mapping: UInt32]
  /// Characters that may compose with one before them; Hangul's are known by their numbers.
  private let seconds: Set<UInt32>

  static let unicode = NormalFormC()

  private init() {
    var composites: [CanonicalDecompositions.Mapping: UInt32] = [:]
    var seconds: Set<UInt32> = []
    for (scalar, mapping) in decompositions.mappings where mapping.second > 0 {
      guard !Self.isExcluded(scalar) else { continue }
      composites[mapping] = scalar
      seconds.insert(mapping.second)
    }
    self.composites = composites
    self.seconds = seconds
  }

  private static func isExcluded(_ scalar: UInt32) -> Bool {
    Unicode.Scalar(scalar)?.properties.isFullCompositionExclusion ?? false
  }

  /// `text[range]` in form C; nil where it is so already. Bytes that are not UTF-8 stay, and part what they
  /// stand between.
  func normalized(_ text: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
    guard !isNormal(text, range) else { return nil }
    var output: [UInt8] = []
    output.reserveCapacity(range.count + 16)
    var position = range.lowerBound
    // Where the characters begin that may act on one another, and whether it is one that stays as it is.
    var start = position
    var isSettled = true
    while position < range.upperBound {
      let (scalar, length) = UTF8Scalar.read(text, at: position, before: range.upperBound)
      let startsAnew = length == 0 || isBoundary(scalar)
      if startsAnew {
        append(text, start..<position, isSettled, to: &output)
        start = position
      }
      isSettled = startsAnew
      position += max(length, 1)
    }
    append(text, start..<position, isSettled, to: &output)
    return output
  }

  private func append(_ text: Span<UInt8>, _ range: Range<Int>, _ isSettled: Bool, to output: inout [UInt8]) {
    guard !isSettled else {
      for index in range { output.append(text[index]) }
      return
    }
    var scalars: [UInt32] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, length) = UTF8Scalar.read(text, at: position, before: range.upperBound)
      // Only the first can be a byte that is not UTF-8: nothing composes with it.
      if length == 0 {
        output.append(text[position])
      } else {
        decompositions.appendDecomposition(of: scalar, to: &scalars)
      }
      position += max(length, 1)
    }
    appendComposed(&scalars, to: &output)
  }

  /// The quick check: whether no character is left out of form C, may compose with one before it, or stands
  /// behind one of a higher class. Text that fails may still be normal.
  private func isNormal(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
    var position = range.lowerBound
    var lastClass: UInt8 = 0
    while position < range.upperBound {
      // Bytes below 0xCC lead only to characters below U+0300, all of them normal.
      if text[position] < 0xCC {
        lastClass = 0
        position += 1
        continue
      }
      let (scalar, length) = UTF8Scalar.read(text, at: position, before: range.upperBound)
      position += max(length, 1)
      var combining: UInt8 = 0
      if !isBoundary(scalar) {
        combining = CanonicalDecompositions.combiningClass(scalar)
        guard combining > 0, combining >= lastClass, !mayCompose(scalar), !Self.isExcluded(scalar) else {
          return false
        }
      }
      lastClass = combining
    }
    return true
  }

  /// Whether neither the character nor what it becomes ever acts on one before it.
  @inline(__always)
  private func isBoundary(_ scalar: UInt32) -> Bool {
    // Most text lies below, or is ideographs.
    if scalar < 0x300 || scalar >= 0x3400 && scalar < 0xA000 { return true }
    return CanonicalDecompositions.combiningClass(scalar) == 0 && !mayCompose(scalar)
      && !Self.isExcluded(scalar)
  }

  private func mayCompose(_ scalar: UInt32) -> Bool {
    seconds.contains(scalar) || scalar &- Hangul.firstVowel < Hangul.vowels
      || scalar &- Hangul.beforeTails &- 1 < Hangul.tails - 1
  }

  /// Appends decomposed characters, ordered and composed.
  private func appendComposed(_ scalars: inout [UInt32], to output: inout [UInt8]) {
    var classes = scalars.map(CanonicalDecompositions.combiningClass)
    Self.sort(&scalars, &classes)
    var starter: Int?
    var lastClass: UInt8 = 0
    var count = 0
    for index in scalars.indices {
      let (scalar, combining) = (scalars[index], classes[index])
      // Blocked where a character of the same class, or a starter, stands between.
      let isNext = starter.map { $0 == count - 1 } ?? false
      if let starter, isNext || lastClass < combining, let composite = compose(scalars[starter], scalar) {
        scalars[starter] = composite
        continue
      }
      if combining == 0 { starter = count }
      lastClass = combining
      scalars[count] = scalar
      count += 1
    }
    for scalar in scalars[..<count] {
      if let scalar = Unicode.Scalar(scalar) { output += UTF8.encode(scalar) ?? .init() }
    }
  }

  /// The canonical order: runs of characters with a class, by class, equal ones as they stand.
  private static func sort(_ scalars: inout [UInt32], _ classes: inout [UInt8]) {
    var start = 0
    while start < classes.count {
      guard classes[start] > 0 else {
        start += 1
        continue
      }
      let end = classes[start...].firstIndex(of: 0) ?? classes.count
      let order = (start..<end).sorted { (classes[$0], $0) < (classes[$1], $1) }
      let sorted = order.map { (scalars[$0], classes[$0]) }
      for (offset, pair) in sorted.enumerated() { (scalars[start + offset], classes[start + offset]) = pair }
      start = end
    }
  }

  private func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let lead = first &- Hangul.firstLead
    let vowel = second &- Hangul.firstVowel
    if lead < Hangul.leads, vowel < Hangul.vowels {
      return Hangul.first + (lead * Hangul.vowels + vowel) * Hangul.tails
    }
    let tail = second &- Hangul.beforeTails
    if let index = Hangul.index(of: first), index % Hangul.tails == 0, tail > 0, tail < Hangul.tails {
      return first + tail
    }
    return composites[.init(first: first, second: second)]
  }
}
