import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// ln p of a row's tokens, in nats: log-softmax of its logits.
///
/// Tokens whose logit is a NaN count as impossible. Where no logit is finite, or one is +∞, all are NaN and none is
/// named among the likeliest.
struct LogProbabilities {
  private let logits: Tensor
  /// ln Σ exp(logit), to about 3e-7.
  private let logSum: Double
  /// Likeliest first, of equals the lower id first.
  let likeliest: [TokenScore.Alternative]

  /// - Parameter count: how many of the likeliest are named.
  init(_ logits: Tensor, likeliest count: Int) {
    self.logits = logits
    guard let largest = logits.largest?.value, largest.isFinite else {
      logSum = .nan
      likeliest = []
      return
    }
    guard count > 0 else {
      logSum = Double(largest) + log(logits.sumOfExponentials(shift: largest, scale: 1))
      likeliest = []
      return
    }
    let candidates = Candidates(logits, largest: largest, scale: 1)
    let logSum = Double(largest) + log(candidates.sum)
    self.logSum = logSum
    likeliest = candidates.likeliest(min(count, logits.count)).map { id in
      TokenScore.Alternative(id: id, logProbability: Double(logits[Int(id)]) - logSum)
    }
  }

  subscript(id: Int32) -> Double { Double(logits[Int(id)]) - logSum }
}

extension TokenScore {
  /// How likely token `id` is by a row of logits, and the likeliest tokens beside it.
  package init(id: Int32, logits: Tensor, alternatives: Int) {
    let scores = LogProbabilities(logits, likeliest: alternatives)
    self.init(id: id, logProbability: scores[id], alternatives: scores.likeliest)
  }
}
