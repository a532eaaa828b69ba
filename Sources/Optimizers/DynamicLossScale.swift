/// A factor on the loss that keeps small f16 gradients from vanishing: it grows while all goes well and backs
/// off when a gradient overflows, in which case the step is skipped (Micikevicius et al. 2018; the rules are
/// those of Megatron-LM's `DynamicGradScaler`).
package struct DynamicLossScale: Sendable, Equatable {
  package struct Config: Codable, Sendable, Equatable {
    package var initial = 65536.0
    /// What the scale is multiplied by after `growthInterval` steps in a row without an overflow.
    package var growthFactor = 2.0
    package var growthInterval = 1000
    /// What the scale is multiplied by when overflows have used up the hysteresis.
    package var backoffFactor = 0.5
    /// Overflows it takes to lower the scale.
    package var hysteresis = 2
    package var minimum = 1.0
    /// Beyond this nothing is gained, and the loss itself would overflow.
    package var maximum = 16_777_216.0

    package init() {}

    /// Throws the first setting that cannot be trained with.
    package func validate() throws(OptimizerFailure) {
      typealias Failure = OptimizerFailure
      try Failure.check("minimum", minimum, minimum > 0 && minimum.isFinite, "above 0")
      try Failure.check(
        "maximum", maximum, maximum >= minimum && maximum.isFinite, "at least minimum, \(minimum)")
      try Failure.check(
        "initial", initial, initial >= minimum && initial <= maximum,
        "from minimum, \(minimum), to maximum, \(maximum)")
      try Failure.check("growthFactor", growthFactor, growthFactor >= 1 && growthFactor.isFinite, "1 or more")
      try Failure.check("growthInterval", growthInterval, growthInterval > 0, "1 or more")
      try Failure.check(
        "backoffFactor", backoffFactor, backoffFactor > 0 && backoffFactor < 1, "between 0 and 1")
      try Failure.check("hysteresis", hysteresis, hysteresis > 0, "1 or more")
    }
  }

  /// What a checkpoint keeps.
  package struct State: Codable, Sendable, Equatable {
    fileprivate var scale: Double
    /// Steps in a row without an overflow.
    fileprivate var goodSteps = 0
    /// Overflows that are left before the scale is lowered.
    fileprivate var patience: Int
  }

  private let config: Config
  package private(set) var state: State

  /// The scale of a new run, or of one that goes on from `state`.
  package init(_ config: Config, state: State? = nil) {
    self.config = config
    self.state = state ?? State(scale: config.initial, patience: config.hysteresis)
  }

  /// What to multiply the loss by; gradients are divided by it before the update.
  package var scale: Double { state.scale }

  /// Learns from a step: whether its gradients had an overflow, in which case the caller skips the update.
  package mutating func update(overflowed: Bool) {
    if overflowed {
      state.goodSteps = 0
      state.patience -= 1
      if state.patience <= 0 { state.scale = max(scale * config.backoffFactor, config.minimum) }
    } else {
      state.goodSteps += 1
      if state.goodSteps >= config.growthInterval {
        state.goodSteps = 0
        state.patience = config.hysteresis
        state.scale = min(scale * config.growthFactor, config.maximum)
      }
    }
  }
}
