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

  /// Of each row, the column of the whole vocabulary with the largest logit, the first of equals; −1 of a row that has
  /// no number. The same on every rank.
  func best(of logits: Tensor) -> [Int32] {
    let device = logits.device, rows = logits.rows
    let columns = Tensor(uninitialized: Shape(rows), .i32, on: device)
    let values = Tensor(uninitialized: Shape(rows), on: device)
    logits.indexOfLargest(into: columns, values: values, firstColumn: firstColumn)
    guard group.count > 1 else { return columns.integers }
    let allColumns = Tensor(uninitialized: Shape(group.count * rows), .i32, on: device)
    let allValues = Tensor(uninitialized: Shape(group.count * rows), on: device)
    group.allGather(columns, into: allColumns)
    group.allGather(values, into: allValues)
    let (places, largest) = (allColumns.integers, allValues.floats)
    return (0..<rows).map { row in
      // Ranks hold columns in their order: the first of equals is the lower rank's.
      var best = row
      for other in Swift.stride(from: row + rows, to: places.count, by: rows)
      where largest[other] > largest[best] {
        best = other
      }
      return places[best]
    }
  }
}
