import Tensors

/// A decoder's head: the last norm, and the token that follows each.
package struct LanguageModelHead: Head {
  package let norm: Norm
  package let output: VocabularyOutput?
  private let table: VocabularyOutput
  private let axis: TensorAxis

  package init(norm: Norm, output: VocabularyOutput, _ axis: TensorAxis) {
    self.norm = norm
    self.output = output
    table = output
    self.axis = axis
  }

  package func logits(_ x: Tensor, _ microbatch: Microbatch) -> Tensor {
    table.logits(normed(x, microbatch))
  }

  package func losses(_ x: Tensor, _ targets: Targets, _ microbatch: Microbatch) -> Losses {
    Losses(tokens: table.losses(targets.pick(normed(x, microbatch)), targets: targets.tokens))
  }

  /// The loss of each scored row, in nats, and which token of the vocabulary scores highest there.
  package func lossesAndBest(_ x: Tensor, _ targets: Targets, _ microbatch: Microbatch) -> (
    losses: Tensor, best: [Int32]
  ) {
    table.lossesAndBest(targets.pick(normed(x, microbatch)), targets: targets.tokens)
  }

  package func lossesAndGradient(
    _ x: Tensor, _ targets: Targets, weights: LossWeights, _ microbatch: Microbatch
  ) -> (losses: Losses, dx: Tensor) {
    let (held, saved) = norm.forward(x, microbatch)
    let normed = axis.startGathering(held).wait()
    let (losses, dPicked) = table.lossesAndGradient(
      targets.pick(normed), targets: targets.tokens, gradientWeight: weights.token)
    let dNormed = targets.spread(dPicked, over: normed.rows)
    return (
      Losses(tokens: losses), norm.backward(axis.startSumming(dNormed).wait(), saved, microbatch)
    )
  }

  /// norm(x) of all tokens.
  package func normed(_ x: Tensor, _ microbatch: Microbatch) -> Tensor {
    axis.startGathering(norm.forward(x, microbatch).y).wait()
  }
}
