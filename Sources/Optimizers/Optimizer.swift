import Tensors

/// What turns gradients into new parameters, over runs of memory (`OptimizerPiece`): all of a model's, or those that
/// this rank updates for the others (ZeRO, Rajbhandari et al. 2020).
///
/// An update is one pass over memory, allocates nothing, leaves the gradients zero, treats each element alike
/// however the runs are cut, and is the same to the last bit on any number of threads.
package enum Optimizer {
  case adamW(AdamW)
  case sgd(SGD)

  package enum Kind: String, Codable, Sendable, CaseIterable { case adamw, sgd }

  package struct Config: Codable, Sendable, Equatable {
    /// `adamw` (Loshchilov & Hutter 2019) or `sgd` with momentum.
    package var kind = Kind.adamw
    /// AdamW: how much of the mean gradient one step keeps.
    package var beta1 = 0.9
    /// AdamW: how much of the mean squared gradient one step keeps. 0.95 spikes less than 0.999 (MT-NLG 530B).
    package var beta2 = 0.95
    /// AdamW: added to the root of the mean squared gradient.
    package var epsilon = 1e-8
    /// A step shrinks a decayed parameter by learning rate × this (AdamW), or adds this × parameter to its
    /// gradient (SGD).
    package var weightDecay = 0.1
    /// SGD: how much of its velocity one step keeps.
    package var momentum = 0.9
    /// SGD: look ahead along the velocity (Nesterov).
    package var nesterov = false
    /// The largest norm of all gradients together; a larger gradient is scaled down to it. 0 never clips.
    package var clip = 1.0

    package init() {}

    /// Throws the first setting that cannot be trained with.
    package func validate() throws(OptimizerFailure) {
      typealias Failure = OptimizerFailure
      try Failure.check("beta1", beta1, (0..<1).contains(beta1), "at least 0 and below 1, such as 0.9")
      try Failure.check("beta2", beta2, (0..<1).contains(beta2), "at least 0 and below 1, such as 0.95")
      try Failure.check("epsilon", epsilon, epsilon > 0 && epsilon.isFinite, "above 0, such as 1e-8")
      try Failure.check("weightDecay", weightDecay, weightDecay >= 0 && weightDecay.isFinite, "0 or more")
      try Failure.check("momentum", momentum, (0..<1).contains(momentum), "at least 0 and below 1")
      try Failure.check("clip", clip, clip >= 0 && clip.isFinite, "0 (never clip) or more")
    }
  }

  /// An optimizer of `pieces`, at least one, whose state starts at zero.
  package init(_ config: Config, _ pieces: [OptimizerPiece]) {
    switch config.kind {
    case .adamw: self = .adamW(AdamW(config, pieces))
    case .sgd: self = .sgd(SGD(config, pieces))
    }
  }

  /// An optimizer of whole arenas, whose first `decayedCount` elements (matrices) get weight decay and the rest
  /// (biases, gains of norms) none.
  package init(_ config: Config, values: Tensor, gradients: Tensor, decayedCount: Int) {
    self.init(
      config,
      OptimizerPiece.pieces(
        0..<values.count, values: values, gradients: gradients, decayedCount: decayedCount))
  }

  /// Makes update number `step`, counted from 1, with gradients multiplied by `gradientScale` first
  /// (clipping, 1 / loss scale, 1 / microbatches).
  package func update(step: Int, learningRate: Double, gradientScale: Double = 1) {
    switch self {
    case .adamW(let optimizer):
      optimizer.update(step: step, learningRate: learningRate, gradientScale: gradientScale)
    case .sgd(let optimizer):
      optimizer.update(learningRate: learningRate, gradientScale: gradientScale)
    }
  }

  /// What a checkpoint must hold, beside the parameters and the step, for the next update to be the same to
  /// the last bit: arenas that hold the pieces one behind the other.
  package var state: [NamedTensor] {
    switch self {
    case .adamW(let optimizer): optimizer.state
    case .sgd(let optimizer): optimizer.state
    }
  }
}
