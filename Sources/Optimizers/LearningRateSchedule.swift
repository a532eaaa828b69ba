#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The learning rate of every step: a pure function of the step, so a resumed run needs no state.
///
/// With W warm-up steps, E the last step of the decay, D the steps of WSD's decay, η the peak and
/// η₀ the minimum, update number t (counted from 1) has the rate
///
///     warm-up, t < W        η t / W
///     constant              η
///     linear, cosine        η₀ + (η − η₀) f(p),  p = (t − W) / (E − W)
///     WSD                   η up to E − D, then η₀ + (η − η₀) f(p),  p = (t − E + D) / D
///     inverse square root   max(η₀, η √(W / t))
///
/// where f is 1 − p (linear), (1 + cos πp) / 2 (cosine) or 1 − √p (square root). Step W has the peak, step E
/// and all that follow have the minimum.
///
/// Sources: Loshchilov & Hutter 2017 (cosine), Hu et al. 2024 (WSD), Vaswani et al. 2017 (inverse root).
package struct LearningRateSchedule: Sendable {
  /// `wsd` is warm-up, stable, decay.
  package enum Kind: String, Codable, Sendable, CaseIterable {
    case constant, linear, cosine, wsd
    case inverseSquareRoot = "inverse_square_root"
  }

  /// How a `wsd` schedule ends.
  package enum Decay: String, Codable, Sendable, CaseIterable {
    case linear, cosine
    case squareRoot = "square_root"
  }

  package struct Config: Codable, Sendable, Equatable {
    package var kind = Kind.cosine
    /// The peak, reached at the end of the warm-up.
    package var learningRate = 3e-4
    /// What the rate falls to; a tenth of the peak is usual.
    package var minimumLearningRate = 3e-5
    /// Steps of linear rise. 0 starts at the peak.
    package var warmupSteps = 0
    /// `linear`, `cosine`, `wsd`: the step that reaches the minimum; when absent, the run's last.
    package var endStep: Int?
    /// `wsd` only: steps from the peak to the minimum; when absent, a tenth of all steps.
    package var decaySteps: Int?
    /// `wsd` only: the shape of that decay.
    package var decay = Decay.linear

    package init() {}

    /// Throws the first setting that cannot be trained with.
    package func validate() throws(OptimizerFailure) {
      typealias Failure = OptimizerFailure
      try Failure.check(
        "learningRate", learningRate, learningRate > 0 && learningRate.isFinite, "above 0, such as 3e-4")
      try Failure.check(
        "minimumLearningRate", minimumLearningRate, (0...learningRate).contains(minimumLearningRate),
        "at least 0 and at most learningRate, \(learningRate)")
      try Failure.check("warmupSteps", warmupSteps, warmupSteps >= 0, "0 or more")
      if let endStep { try Failure.check("endStep", endStep, endStep > 0, "1 or more") }
      if let decaySteps { try Failure.check("decaySteps", decaySteps, decaySteps > 0, "1 or more") }
    }
  }

  private let config: Config
  private let warmup: Int
  private let decayStart: Int
  private let end: Int

  /// The schedule of a run of `steps` updates. A warm-up or decay longer than the run is cut off by its end.
  package init(_ config: Config, steps: Int) {
    self.config = config
    warmup = max(0, config.warmupSteps)
    end = max(config.endStep ?? steps, warmup)
    let decaySteps = config.decaySteps ?? max(1, end / 10)
    decayStart = config.kind == .wsd ? max(warmup, end - decaySteps) : warmup
  }

  /// The rate of update number `step`, counted from 1.
  package func rate(step: Int) -> Double {
    let peak = config.learningRate
    if step < warmup { return peak * Double(max(step, 0)) / Double(warmup) }
    switch config.kind {
    case .constant: return peak
    case .linear: return decayed(step, .linear)
    case .cosine: return decayed(step, .cosine)
    case .wsd: return decayed(step, config.decay)
    case .inverseSquareRoot:
      let warmup = Double(max(warmup, 1))
      return max(config.minimumLearningRate, peak * (warmup / max(warmup, Double(step))).squareRoot())
    }
  }

  private func decayed(_ step: Int, _ decay: Decay) -> Double {
    let minimum = config.minimumLearningRate
    if step <= decayStart { return config.learningRate }
    if step >= end { return minimum }
    let progress = Double(step - decayStart) / Double(end - decayStart)
    let remaining =
      switch decay {
      case .linear: 1 - progress
      case .cosine: (1 + cos(.pi * progress)) / 2
      case .squareRoot: 1 - progress.squareRoot()
      }
    return minimum + (config.learningRate - minimum) * remaining
  }
}
