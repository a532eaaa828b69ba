import Tensors

/// The last norm, the map to the vocabulary and the cross-entropy, computed by blocks of tokens so that the
/// logits of only `blockTokens` tokens exist at a time, once.
package struct LanguageModelHead {
  package let norm: Norm
  /// [vocabulary, width]; the embedding's table where the two are tied.
  package let weight: Parameter
  /// Tokens whose logits are held: enough that reading the table again costs little beside the products.
  package static let blockTokens = 512

  package init(norm: Norm, weight: Parameter) {
    self.norm = norm
    self.weight = weight
  }

  private var vocabulary: Int { weight.shape[0] }

  /// logits = norm(x)·Wᵀ.  x: [tokens, width], logits: [tokens, vocabulary]
  package func logits(_ x: Tensor, _ microbatch: Microbatch) -> Tensor {
    let normed = norm.forward(x, microbatch).y
    let logits = Tensor(uninitialized: Shape(x.rows, vocabulary), on: x.device)
    logits.setProduct(normed, weight.value, .second)
    return logits
  }

  /// The loss of each token. Targets below zero count nothing.  x: [tokens, width], targets: [tokens]
  package func losses(_ x: Tensor, targets: Tensor, _ microbatch: Microbatch) -> Tensor {
    let normed = norm.forward(x, microbatch).y
    let losses = Tensor(uninitialized: Shape(x.rows), on: x.device)
    forEachBlock(x.rows) { rows in
      let logits = Tensor(uninitialized: Shape(rows.count, vocabulary), on: x.device)
      logits.setProduct(normed.rows(rows), weight.value, .second)
      logits.crossEntropy(
        targets: targets.elements(rows, as: Shape(rows.count)),
        losses: losses.elements(rows, as: Shape(rows.count)))
    }
    return losses
  }

  /// The loss of each token, and dx = gradientWeight · ∂(Σ losses)/∂x; gradients of the head are accumulated.
  package func lossesAndGradient(
    _ x: Tensor, targets: Tensor, gradientWeight: Float, _ microbatch: Microbatch
  ) -> (losses: Tensor, dx: Tensor) {
    let (normed, saved) = norm.forward(x, microbatch)
    let losses = Tensor(uninitialized: Shape(x.rows), on: x.device)
    let dNormed = Tensor(uninitialized: Shape(x.rows, x.columns), on: x.device)
    forEachBlock(x.rows) { rows in
      let logits = Tensor(uninitialized: Shape(rows.count, vocabulary), on: x.device)
      logits.setProduct(normed.rows(rows), weight.value, .second)
      logits.crossEntropy(
        targets: targets.elements(rows, as: Shape(rows.count)),
        losses: losses.elements(rows, as: Shape(rows.count)), gradientWeight: gradientWeight)
      // At once, even where weight gradients are deferred: holding them would hold the logits.
      weight.gradient.setProduct(logits, normed.rows(rows), .first, accumulate: true)
      dNormed.rows(rows).setProduct(logits, weight.value)
    }
    return (losses, norm.backward(dNormed, saved, microbatch))
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
