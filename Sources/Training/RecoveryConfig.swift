import Recipes

/// What a run does with a step whose loss jumps or is not a number. (A scaled f16 gradient that overflows is
/// `loss_scale`'s to handle.)
package struct RecoveryConfig: Codable, Sendable, Equatable {
  package enum Action: String, Codable, CaseIterable, Sendable {
    /// The run ends, with evidence; nothing of the step is applied.
    case stop
    /// The step's samples are passed over; nothing of it is applied.
    case skip
    /// The run returns to its newest checkpoint and goes on behind the step's samples, as the longest published runs
    /// have done by hand.
    case rollback
  }

  package var action = Action.stop
  /// A loss above this many times the mean of the last `spikeWindow` is a spike; 0: only what is not a number is.
  package var spikeFactor = 0.0
  package var spikeWindow = 32
  /// How often a run may recover; then it stops.
  package var limit = 8

  package init() {}

  /// One sentence on what is wrong with it; nil where nothing is.
  var problem: String? {
    if !(spikeFactor == 0 || spikeFactor > 1) {
      return "recovery.spike_factor must be 0 (off) or above 1, got \(spikeFactor)"
    }
    if !(1...4096).contains(spikeWindow) {
      return "recovery.spike_window must lie in 1 ... 4096, got \(spikeWindow)"
    }
    return (0...1_000_000).contains(limit) ? nil : "recovery.limit must lie in 0 ... 1000000, got \(limit)"
  }

  /// Whether `loss` stands out from those before it, as many as the window has.
  func isSpike(_ loss: Double, after recent: [Double]) -> Bool {
    guard spikeFactor > 0, recent.count >= spikeWindow else { return false }
    return loss > spikeFactor * recent.reduce(0, +) / Double(recent.count)
  }
}
