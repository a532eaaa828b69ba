/// A global batch that grows with the samples consumed, as Megatron-LM's `--rampup-batch-size`: small batches
/// teach more per sample early on. A pure function, so a resumed run needs no state.
///
///     k = (final − start) / increment        batch(c) = start + increment · ⌊c k / samples⌋, at most final
package struct BatchSizeRamp: Sendable {
  package struct Config: Codable, Sendable, Equatable {
    /// The global batch of the first step, in samples.
    package var start = 32
    /// By how much it grows at a time.
    package var increment = 32
    /// The samples over which it grows to the final batch. 0 starts with the final batch.
    package var samples = 0

    package init() {}

    /// Throws when `finalBatch` cannot be reached from these settings.
    package func validate(finalBatch: Int) throws(OptimizerFailure) {
      typealias Failure = OptimizerFailure
      try Failure.check("samples", samples, samples >= 0, "0 (no ramp) or more")
      guard samples > 0 else { return }
      try Failure.check(
        "start", start, start > 0 && start <= finalBatch,
        "at least 1 and at most the global batch, \(finalBatch)")
      try Failure.check("increment", increment, increment > 0, "1 or more")
      try Failure.check(
        "increment", increment, (finalBatch - start) % increment == 0,
        "a divisor of \(finalBatch - start), the distance from start \(start) to the global batch \(finalBatch)"
      )
    }
  }

  private let config: Config
  private let finalBatch: Int

  package init(_ config: Config, finalBatch: Int) {
    self.config = config
    self.finalBatch = finalBatch
  }

  /// The global batch, in samples, of the step that begins after `consumed` samples.
  package func batchSize(consumedSamples consumed: Int) -> Int {
    guard consumed < config.samples, config.start < finalBatch, config.increment > 0 else {
      return finalBatch
    }
    let increments = (finalBatch - config.start) / config.increment
    // In full width: both factors can be large.
    let done = config.samples.dividingFullWidth(consumed.multipliedFullWidth(by: increments)).quotient
    return min(finalBatch, config.start + done * config.increment)
  }
}
