import Tensors

/// The map to the vocabulary and the cross-entropy, computed by blocks of tokens so that the logits of only
/// `blockTokens` tokens exist at a time, once.  logits = x·Wᵀ + b
///
/// Ranks of the tensor axis divide the vocabulary. Logits do not travel: three numbers a token and rank do
/// (`VocabularyLoss`).
package struct VocabularyOutput {
  /// Own rows of [vocabulary, width]; the embedding's table where the two are tied.
  package let weight: Parameter
  /// Own elements of [vocabulary].
  package let bias: Parameter?
  private let loss: VocabularyLoss
  /// Tokens whose logits are held: enough that reading the table again costs little beside the products.
  package static let blockTokens = 512

  package init(weight: Parameter, bias: Parameter? = nil, vocabulary: Int, _ axis: TensorAxis) {
    self.weight = weight
    self.bias = bias
    loss = VocabularyLoss(firstColumn: axis.share(of: vocabulary).lowerBound, axis.group)
  }

  /// Logits of this rank's part of the vocabulary.  x: [tokens, width], logits: [tokens, own]
  package func logits(_ x: Tensor) -> Tensor {
    let logits = Tensor(uninitialized: Shape(x.rows, weight.shape[0]), on: x.device)
    logits.setProduct(x, transposed: weight, epilogue: Epilogue(bias: bias?.value))
    return logits
  }

  /// The loss of each token. Targets below zero count nothing.
  ///
  /// - Parameter seeing: shown this rank's part of the logits, a block of tokens at a time.
  func losses(_ x: Tensor, targets: Tensor, seeing: (Tensor) -> Void = { _ in }) -> Tensor {
    let losses = Tensor(uninitialized: Shape(x.rows), on: x.device)
    forEachBlock(x.rows) { rows in
      let logits = logits(x.rows(rows))
      seeing(logits)
      loss.set(
        losses.elements(rows, as: Shape(rows.count)), of: logits,
        targets: targets.elements(rows, as: Shape(rows.count)))
    }
    return losses
  }

  /// The loss of each token, and which token of the vocabulary scores highest there, the first where several do.
  func lossesAndBest(_ x: Tensor, targets: Tensor) -> (losses: Tensor, best: [Int32]) {
    var best: [Int32] = []
    let losses = losses(x, targets: targets) { best += loss.best(of: $0) }
    return (losses, best)
  }

  /// The loss of each token, and this rank's part of dx = gradientWeight · ∂(Σ losses)/∂x: the sum over the ranks
  /// is all of it.
  func lossesAndGradient(_ x: Tensor, targets: Tensor, gradientWeight: Float) -> (losses: Tensor, dx: Tensor)
  {
    let losses = Tensor(uninitialized: Shape(x.rows), on: x.device)
    let dx = Tensor(uninitialized: Shape(x.rows, x.columns), on: x.device)
    forEachBlock(x.rows) { rows in
      let logits = logits(x.rows(rows))
      loss.set(
        losses.elements(rows, as: Shape(rows.count)), of: logits,
        targets: targets.elements(rows, as: Shape(rows.count)), gradientWeight: gradientWeight)
      // At once, even where weight gradients are deferred: holding them would hold the logits.
      weight.gradient.setProduct(logits, x.rows(rows), .first, accumulate: true)
      bias?.gradient.addColumnSums(of: logits)
      dx.rows(rows).setProduct(logits, weight.value)
    }
    return (losses, dx)
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
