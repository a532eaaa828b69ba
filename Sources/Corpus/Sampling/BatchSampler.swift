/// Which samples a rank reads in each microbatch of a step.
///
/// Microbatch k of all ranks is one run of samples, `microbatch · ranks` long, of which rank r takes the
/// r-th part. The set of samples in a step is therefore `consumed ..< consumed + globalBatch` on any layout.
package struct BatchSampler: Sendable, Equatable {
  package let globalBatch: Int
  package let microbatch: Int
  package let ranks: Int

  package init(globalBatch: Int, microbatch: Int, ranks: Int = 1) throws(CorpusFailure) {
    guard globalBatch > 0, microbatch > 0, ranks > 0, globalBatch % (microbatch * ranks) == 0 else {
      throw CorpusFailure(
        "batch",
        "expected a global batch divisible by microbatch × data-parallel ranks, "
          + "got \(globalBatch), \(microbatch) × \(ranks)")
    }
    self.globalBatch = globalBatch
    self.microbatch = microbatch
    self.ranks = ranks
  }

  /// Microbatches a rank runs in a step.
  package var microbatchCount: Int { globalBatch / (microbatch * ranks) }

  package func samples(microbatch index: Int, rank: Int, consumed: Int) -> Range<Int> {
    precondition(
      index >= 0 && index < microbatchCount && rank >= 0 && rank < ranks,
      "microbatch \(index) of \(microbatchCount), rank \(rank) of \(ranks)")
    let first = consumed + (index * ranks + rank) * microbatch
    return first..<first + microbatch
  }
}
