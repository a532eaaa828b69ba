import Tensors

/// The last norm, the map to the vocabulary and the cross-entropy, computed by blocks of tokens so that the
/// logits of only `blockTokens` tokens exist at a time, once.
///
/// Ranks of the tensor axis divide the vocabulary. Logits do not travel: three numbers a token and rank do
/// (`VocabularyLoss`).
package struct LanguageModelHead {
  package let norm: Norm
  /// Own rows of [vocabulary, width]; the embedding's table where the two are tied.
  package let weight: Parameter
  private let axis: TensorAxis
  private let loss: VocabularyLoss
  /// Tokens whose logits are held: enough that reading the table again costs little beside the products.
  package static let blockTokens = 512

  package init(norm: Norm, weight: Parameter, vocabulary: Int, _ axis: TensorAxis) {
    self.norm = norm
    self.weight = weight
    self.axis = axis
    loss = VocabularyLoss(firstColumn: axis.share(of: vocabulary).lowerBound, axis.group)
  }

  /// Logits of this rank's part of the vocabulary: norm(x)·Wᵀ.  x: [tokens held, width], logits: [tokens, own]
  package func logits(_ x: Tensor, _ microbatch: Microbatch) -> Tensor {
    logits(ofNormed: axis.startGathering(norm.forward(x, microbatch).y).wait())
  }

  /// The loss of each token. Targets below zero count nothing.  x: [tokens held, width], targets: [tokens]
  package func losses(_ x: Tensor, targets: Tensor, _ microbatch: Microbatch) -> Tensor {
    let normed = axis.startGathering(norm.forward(x, microbatch).y).wait()
    let losses = Tensor(uninitialized: Shape(normed.rows), on: x.device)
    forEachBlock(normed.rows) { rows in
      loss.set(
        losses.elements(rows, as: Shape(rows.count)), of: logits(ofNormed: normed.rows(rows)),
        targets: targets.elements(rows, as: Shape(rows.count)))
    }
    return losses
  }

  /// The loss of each token, and dx = gradientWeight · ∂(Σ losses)/∂x; gradients of the head are accumulated.
  package func lossesAndGradient(
    _ x: Tensor, targets: Tensor, gradientWeight: Float, _ microbatch: Microbatch
  ) -> (losses: Tensor, dx: Tensor) {
    let (held, saved) = norm.forward(x, microbatch)
    let normed = axis.startGathering(held).wait()
    let losses = Tensor(uninitialized: Shape(normed.rows), on: x.device)
    let dNormed = Tensor(uninitialized: Shape(normed.rows, normed.columns), on: x.device)
    forEachBlock(normed.rows) { rows in
      let logits = logits(ofNormed: normed.rows(rows))
      loss.set(
        losses.elements(rows, as: Shape(rows.count)), of: logits,
        targets: targets.elements(rows, as: Shape(rows.count)), gradientWeight: gradientWeight)
      // At once, even where weight gradients are deferred: holding them would hold the logits.
      weight.gradient.setProduct(logits, normed.rows(rows), .first, accumulate: true)
      dNormed.rows(rows).setProduct(logits, weight.value)
    }
    return (losses, norm.backward(axis.startSumming(dNormed).wait(), saved, microbatch))
  }

  private func logits(ofNormed normed: Tensor) -> Tensor {
    let logits = Tensor(uninitialized: Shape(normed.rows, weight.shape[0]), on: normed.device)
    logits.setProduct(normed, weight.value, .second)
    return logits
  }

  private func forEachBlock(_ count: Int, _ body: (Range<Int>) -> Void) {
    var first = 0
    while first < count {
      let next = min(first + Self.blockTokens, count)
      body(first..<next)
      first = next
    }
  }
}
