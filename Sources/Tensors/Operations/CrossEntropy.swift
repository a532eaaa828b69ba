import CKernels

extension Tensor {
  /// losses[row] = log Σ exp(logits[row]) − logits[row, target[row]], 0 where the target is negative.
  ///
  /// With `gradientWeight` the logits (self, [rows, vocabulary]) become gradientWeight · ∂loss/∂logits.
  package func crossEntropy(targets: Tensor, losses: Tensor, gradientWeight: Float? = nil) {
    precondition(targets.count == rows && losses.count == rows, "\(targets.shape) targets for \(shape)")
    device.run("cross-entropy", bytes: (gradientWeight == nil ? 1 : 2) * byteCount) {
      nk_cross_entropy(
        $0, f32, Int64(rowStride), targets.i32, losses.f32, Int64(rows), Int64(columns),
        gradientWeight != nil, gradientWeight ?? 0)
    }
  }
}

// Where the ranks hold columns of the vocabulary: each makes statistics of its logits, the statistics are gathered,
// and each makes the gradient of its logits. With one rank, these are the bits of `crossEntropy`.
extension Tensor {
  /// statistics[row] = the row's largest logit (−∞ of none), Σ exp(logit − largest) and the target's logit (0
  /// where another rank has it); all 0 where the target is negative. The logits become exp(logit − largest).
  ///
  /// - Parameters:
  ///   - targets: [rows], numbered over the whole vocabulary.
  ///   - firstColumn: of the vocabulary; self is columns firstColumn ..< firstColumn + columns of it, perhaps none.
  ///   - statistics: [rows, 3]
  package func crossEntropyStatistics(targets: Tensor, firstColumn: Int, into statistics: Tensor) {
    checkShare(targets, statistics)
    device.run("cross-entropy", bytes: 2 * byteCount) {
      nk_cross_entropy_statistics(
        $0, f32, Int64(rowStride), targets.i32, Int64(firstColumn), statistics.f32, Int64(targets.count),
        Int64(columns))
    }
  }

  /// losses[row] = log Σ exp(logit) − the target's logit over the whole vocabulary, 0 where the target is negative;
  /// self, [rows, 2] = the largest logit and Σ exp(logit − largest). The same bits on every rank.
  ///
  /// - Parameter statistics: of all ranks in their order, [ranks, rows, 3]
  package func combineCrossEntropy(_ statistics: Tensor, targets: Tensor, losses: Tensor) {
    let rows = targets.count
    precondition(
      count == 2 * rows && losses.count == rows && statistics.count % max(1, 3 * rows) == 0,
      "\(statistics.shape) statistics of \(targets.shape) targets into \(shape), \(losses.shape)")
    precondition(isContiguous && statistics.isContiguous, "statistics are contiguous")
    let ranks = Int64(statistics.count / max(1, 3 * rows))
    device.run("cross-entropy", bytes: statistics.byteCount + byteCount) {
      nk_cross_entropy_combine($0, statistics.f32, targets.i32, f32, losses.f32, ranks, Int64(rows))
    }
  }

  /// self, what `crossEntropyStatistics` made of the logits, becomes weight · ∂loss/∂logits: weight · (softmax − 1
  /// at the target), zero where the target is negative.
  ///
  /// - Parameters:
  ///   - statistics: this rank's own, [rows, 3]
  ///   - totals: what `combineCrossEntropy` made, [rows, 2]
  package func setCrossEntropyGradient(
    targets: Tensor, firstColumn: Int, statistics: Tensor, totals: Tensor, weight: Float
  ) {
    checkShare(targets, statistics)
    precondition(
      totals.count == 2 * targets.count && totals.isContiguous, "\(totals.shape) totals for \(shape)")
    device.run("cross-entropy", bytes: 2 * byteCount) {
      nk_cross_entropy_gradient(
        $0, f32, Int64(rowStride), targets.i32, Int64(firstColumn), statistics.f32, totals.f32,
        Int64(targets.count), Int64(columns), weight)
    }
  }

  /// A matrix without columns has no rows either, by its shape; the targets know how many there are.
  private func checkShare(_ targets: Tensor, _ statistics: Tensor) {
    precondition(rows == targets.count || columns == 0, "\(targets.shape) targets for \(shape)")
    precondition(
      statistics.count == 3 * targets.count && statistics.isContiguous, "\(statistics.shape) for \(shape)")
  }
}
