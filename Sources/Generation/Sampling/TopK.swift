extension Candidates {
  /// Keeps the k likeliest, and those that are as likely as the last of them, as transformers does; all where k is 0.
  mutating func keepTop(_ k: Int) {
    guard k > 0, k < logits.count else { return }
    let all = self.all
    guard k < all.count else { return }
    keepLikeliest(of: all, equals: true) { $0.count >= k }
  }
}
