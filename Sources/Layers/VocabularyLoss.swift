import Collectives
import Tensors

/// Cross-entropy over logits whose columns are divided among ranks (Shoeybi et al. 2019, §3).
///
///     loss = log Σⱼ exp(zⱼ) − z[target]
///
/// Of each row, a rank gives its own maximum, its own Σ exp(z − maximum), and the target's logit where it holds it.
/// From the three numbers of every rank, each computes the same loss; then the gradient of its own columns.
struct VocabularyLoss {
  /// Of the vocabulary, this rank's first.
  private let firstColumn: Int
  private let group: Group

  init(firstColumn: Int, _ group: Group) {
    self.firstColumn = firstColumn
    self.group = group
  }

  /// losses of the rows of `logits`, 0 where the target is negative. With `gradientWeight` the logits become
  /// gradientWeight · ∂loss/∂logits.
  func set(_ losses: Tensor, of logits: Tensor, targets: Tensor, gradientWeight: Float? = nil) {
    guard group.count > 1 else {
      // A whole row stays in the cache between the walks over it.
      return logits.crossEntropy(targets: targets, losses: losses, gradientWeight: gradientWeight)
    }
    let own = Tensor(uninitialized: Shape(targets.count, 3), on: logits.device)
    logits.crossEntropyStatistics(targets: targets, firstColumn: firstColumn, into: own)
    let all = Tensor(uninitialized: Shape([group.count, targets.count, 3]), on: logits.device)
    group.allGather(own, into: all)
    let totals = Tensor(uninitialized: Shape(targets.count, 2), on: logits.device)
    totals.combineCrossEntropy(all, targets: targets, losses: losses)
    if let gradientWeight {
      logits.setCrossEntropyGradient(
        targets: targets, firstColumn: firstColumn, statistics: own, totals: totals, weight: gradientWeight)
    }
  }

  /// Of each row, the column of the whole vocabulary with the largest logit: the first of equals, and a NaN before any
  /// number (`torch.argmax`). The same on every rank.
  func best(of logits: Tensor) -> [Int32] {
    let own = Self.largest(of: logits)
    guard group.count > 1 else { return own.map { Int32($0.column) } }
    // Every rank of few rows: two numbers a row travel.
    let all = group.gather(
      own.flatMap { [Double($0.logit), Double(firstColumn + $0.column)] }, on: logits.device)
    return own.indices.map { row in
      var best = (logit: -Double.infinity, column: 0.0)
      for (rank, values) in all.enumerated() {
        let (logit, column) = (values[2 * row], values[2 * row + 1])
        if rank == 0 || Self.isLarger(logit, than: best.logit) { best = (logit, column) }
      }
      return Int32(best.column)
    }
  }

  private static func largest(of logits: Tensor) -> [(logit: Float, column: Int)] {
    let columns = logits.columns, elements = logits.floats
    return (0..<logits.rows).map { row in
      var best = (logit: elements[row * columns], column: 0)
      for column in 0..<columns where isLarger(elements[row * columns + column], than: best.logit) {
        best = (elements[row * columns + column], column)
      }
      return best
    }
  }

  private static func isLarger<F: FloatingPoint>(_ a: F, than b: F) -> Bool { a > b || a.isNaN && !b.isNaN }
}
