extension Candidates {
  /// Keeps the nucleus: the fewest tokens whose share of what all candidates weigh is at least p. Of equally likely
  /// ones the lower ids come first.
  mutating func keepNucleus(_ p: Double) {
    guard p < 1 else { return }
    let all = self.all
    let enough = p * all.sum
    // Tokens below the mean of what may be missing are together less than that, so none of them is in the nucleus;
    // half of it leaves room for rounding.
    let guess = Float((all.sum - enough) / Double(2 * max(1, all.count)))
    keepLikeliest(of: all, guess: guess, equals: false) { $0.sum >= enough }
  }
}
