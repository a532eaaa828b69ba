import Telemetry

/// Means over what a step, or a measurement, scored on all ranks.
package struct MeanLosses: Sendable, Equatable {
  /// Of the tokens, in nats; nil where labels alone are scored.
  package let tokens: Double?
  /// Of the labels, in nats, and the share of those that got the largest score; nil where there are none.
  package let labels: Double?
  package let accuracy: Double?

  /// What is minimised.
  package var total: Double { (tokens ?? 0) + (labels ?? 0) }

  /// From sums over all ranks and the numbers of targets behind them.
  init(tokens: Double, of tokenCount: Double, labels: Double, of labelCount: Double, correct: Double) {
    self.tokens = tokenCount > 0 || labelCount == 0 ? tokens / max(1, tokenCount) : nil
    self.labels = labelCount > 0 ? labels / labelCount : nil
    accuracy = labelCount > 0 ? correct / labelCount : nil
  }

  /// As lines of metrics name them; the parts only where there is more than one.
  func scalars(prefix: String) -> [Scalar] {
    guard let labels, let accuracy else { return [] }
    let parts = tokens.map { [Scalar(prefix + "token_loss", $0), Scalar(prefix + "label_loss", labels)] }
    return (parts ?? []) + [Scalar(prefix + "accuracy", accuracy)]
  }
}
