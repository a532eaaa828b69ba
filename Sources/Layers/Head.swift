import Tensors

/// The end of a model: from the residual stream behind the last block to scores and losses.
///
/// Several may follow each other on one model: a decoder's next token, an encoder's masked tokens and sentence
/// order, a classifier's classes.  x: [tokens held, width]
package protocol Head {
  /// The map to the vocabulary, where the head has one.
  var output: VocabularyOutput? { get }

  /// The scores that the head is there for: of every token over this rank's part of the vocabulary, or of every
  /// sequence over the classes.
  func logits(_ x: Tensor, _ microbatch: Microbatch) -> Tensor

  /// What `targets` cost, nothing kept.
  func losses(_ x: Tensor, _ targets: Targets, _ microbatch: Microbatch) -> Losses

  /// What `targets` cost, and dx of Σ weight · loss; gradients of the head are accumulated.
  func lossesAndGradient(
    _ x: Tensor, _ targets: Targets, weights: LossWeights, _ microbatch: Microbatch
  ) -> (losses: Losses, dx: Tensor)
}
