import Tensors

/// The tokens that may be drawn, each with a weight in proportion to its probability. The steps of sampling drop the
/// less likely ones.
struct Candidates {
  let logits: Tensor
  /// exp((logit − the largest) / temperature): 1 for the likeliest, 0 for a NaN and for what cannot be told from it.
  let weights: Tensor
  /// Of all weights.
  let sum: Double
  /// Tokens of less weight are no candidates.
  private(set) var least = Float.leastNormalMagnitude

  /// - Parameters:
  ///   - largest: of the logits, finite.
  ///   - scale: what multiplies their differences.
  init(_ logits: Tensor, largest: Float, scale: Float) {
    self.logits = logits
    weights = Tensor(uninitialized: Shape(logits.count), on: logits.device)
    sum = weights.setExponentials(of: logits, shift: largest, scale: scale)
  }

  /// How many there are, and what they weigh together.
  var all: Tally { weights.tally(atLeast: least) }

  mutating func drop(below weight: Float) { least = max(least, weight) }

  /// Keeps the likeliest, as few as are enough.
  ///
  /// - Parameters:
  ///   - all: how many there are, which is enough.
  ///   - guess: a weight near that of the last one.
  ///   - equals: whether those that are as likely as the last one stay with it.
  mutating func keepLikeliest(
    of all: Tally, guess: Float? = nil, equals: Bool, until isEnough: (Tally) -> Bool
  ) {
    let (low, high) = bracket(of: all, guess: guess, isEnough)
    let undecided = sorted(low.least..<high.least, most: low.tally.count - high.tally.count)
    var tally = high.tally
    var kept = 0
    while kept < undecided.count, !isEnough(tally) {
      tally.count += 1
      tally.sum += Double(undecided[kept].weight)
      kept += 1
    }
    while equals, 0 < kept, kept < undecided.count, undecided[kept].logit == undecided[kept - 1].logit {
      kept += 1
    }
    least = undecided.prefix(kept).reduce(high.least) { min($0, $1.weight) }
    for token in undecided.dropFirst(kept) where token.weight >= least { weights[Int(token.id)] = 0 }
  }

  /// The `count` likeliest, likeliest first, of equals the lower id first; fewer where fewer logits are numbers.
  func likeliest(_ count: Int) -> [Int32] {
    let all = self.all
    if all.count >= count {
      let low = bracket(of: all) { $0.count >= count }.low
      return sorted(low.least..<2, most: low.tally.count).prefix(count).map(\.id)
    }
    // Rare: logits so low that they weigh nothing.
    return sorted(0..<2, most: weights.count).prefix(count).map(\.id)
  }

  private struct Token {
    let id: Int32
    let logit, weight: Float
  }

  /// Those with weights in `range`, at most `most`; likeliest first, of equals the lower id first, no NaN.
  private func sorted(_ range: Range<Float>, most: Int) -> [Token] {
    var tokens = weights.indices(of: range, most: most).map { id in
      Token(id: id, logit: logits[Int(id)], weight: weights[Int(id)])
    }
    // They weigh 0.
    if range.lowerBound <= 0 { tokens.removeAll { $0.logit.isNaN } }
    tokens.sort { $0.logit != $1.logit ? $0.logit > $1.logit : $0.id < $1.id }
    return tokens
  }

  private struct Bound {
    var least: Float
    var tally: Tally
  }

  /// Few enough to sort.
  private static let fewTokens = 256

  /// Two weights: tokens of at least the lower one are enough, tokens of at least the higher one are not, and few
  /// weigh something between the two, or all of these the same.
  private func bracket(
    of all: Tally, guess: Float? = nil, _ isEnough: (Tally) -> Bool
  ) -> (low: Bound, high: Bound) {
    var low = Bound(least: least, tally: all)
    var high = Bound(least: 2, tally: Tally(count: 0, sum: 0))
    var guess = guess
    while low.tally.count - high.tally.count > Self.fewTokens {
      // Positive numbers are in the order of their bits: halving these halves the logarithm, roughly.
      let bits = (low.least.bitPattern + high.least.bitPattern) / 2
      var middle = Float(bitPattern: bits)
      if let first = guess, low.least < first, first < high.least { middle = first }
      guess = nil
      guard low.least < middle, middle < high.least else { break }
      let bound = Bound(least: middle, tally: weights.tally(atLeast: middle))
      if isEnough(bound.tally) { low = bound } else { high = bound }
    }
    return (low, high)
  }
}
