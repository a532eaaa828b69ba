/// What a model says of the scored tokens of a window.
package struct Score: Sendable, Equatable {
  /// Σ ln p(token), in nats.
  package let logLikelihood: Double
  /// Whether every one of them is the model's first choice: the lowest id where several score the same.
  package let isGreedy: Bool

  package init(logLikelihood: Double, isGreedy: Bool) {
    self.logLikelihood = logLikelihood
    self.isGreedy = isGreedy
  }
}
