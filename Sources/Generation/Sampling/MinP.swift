extension Candidates {
  /// Keeps tokens with at least this share of the likeliest one's probability.
  mutating func keepShare(_ minP: Double) {
    // The likeliest weighs 1, whatever was dropped.
    drop(below: Float(minP))
  }
}
