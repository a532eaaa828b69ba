import Tensors

/// What a whole sequence is asked, answered from its first token: scores = linear(dropout(tanh(pooler(x)))).
///
/// Two scores tell whether two sentences stand in their order; a classifier has one for each class. Where sequences
/// are the choices of one question (RACE), each has one score, and the question's scores stand side by side.
package struct SequenceHead {
  package let pooler: Linear
  package let scores: Linear
  /// Sequences that are one question.
  package let choices: Int
  package let dropout: Float

  package init(pooler: Linear, scores: Linear, choices: Int = 1, dropout: Float = 0) {
    self.pooler = pooler
    self.scores = scores
    self.choices = choices
    self.dropout = dropout
  }

  /// Of each question.  normed: [tokens, width], scores: [sequences / choices, classes · choices]
  func scores(_ normed: Tensor, _ microbatch: Microbatch) -> Tensor {
    questions(scores.apply(pooled(normed, microbatch).dropped))
  }

  /// The loss of each question, and how many were answered right.  labels: [sequences / choices]
  func losses(_ normed: Tensor, labels: Tensor, _ microbatch: Microbatch) -> (losses: Tensor, correct: Int) {
    let scores = scores(normed, microbatch)
    let correct = Self.correct(scores, labels)
    let losses = Tensor(uninitialized: Shape(labels.count), on: normed.device)
    scores.crossEntropy(targets: labels, losses: losses)
    return (losses, correct)
  }

  /// The same, and adds to `dNormed` the gradient of gradientWeight · Σ losses.
  func lossesAndGradient(
    _ normed: Tensor, labels: Tensor, gradientWeight: Float, addingTo dNormed: Tensor,
    _ microbatch: Microbatch
  ) -> (losses: Tensor, correct: Int) {
    let (pooled, dropped) = pooled(normed, microbatch)
    let sequences = scores.apply(dropped), scores = questions(sequences)
    let correct = Self.correct(scores, labels)
    let losses = Tensor(uninitialized: Shape(labels.count), on: normed.device)
    scores.crossEntropy(targets: labels, losses: losses, gradientWeight: gradientWeight)
    // The scores are their gradient now.
    let dPooled = self.scores.backward(sequences, dropped, microbatch)
    if dropout > 0, let key = microbatch.key {
      dPooled.setDropout(of: dPooled, probability: dropout, key: key.at("pooled").value)
    }
    let dPreactivation = Tensor(uninitialized: pooled.shape, on: normed.device)
    dPreactivation.setTanhGradient(dPooled, of: pooled)
    pooler.addGradients(dPreactivation, x: first(of: normed, microbatch), microbatch)
    first(of: dNormed, microbatch).setProduct(dPreactivation, pooler.weight.value, accumulate: true)
    return (losses, correct)
  }

  private func pooled(_ normed: Tensor, _ microbatch: Microbatch) -> (pooled: Tensor, dropped: Tensor) {
    let pooled = pooler.apply(first(of: normed, microbatch))
    pooled.set(.tanh, of: pooled)
    guard dropout > 0, let key = microbatch.key else { return (pooled, pooled) }
    let dropped = Tensor(uninitialized: pooled.shape, on: normed.device)
    dropped.setDropout(of: pooled, probability: dropout, key: key.at("pooled").value)
    return (pooled, dropped)
  }

  /// Each sequence's first row.
  private func first(of x: Tensor, _ microbatch: Microbatch) -> Tensor {
    x.reshaped(Shape(microbatch.sequences, microbatch.length * x.columns)).columns(0..<x.columns)
  }

  private func questions(_ scores: Tensor) -> Tensor {
    scores.reshaped(Shape(scores.rows / choices, scores.columns * choices))
  }

  /// Rows whose largest score, the first of equals, is their label's.
  private static func correct(_ scores: Tensor, _ labels: Tensor) -> Int {
    let best = Tensor(uninitialized: Shape(labels.count), .i32, on: scores.device)
    scores.indexOfLargest(into: best, values: Tensor(uninitialized: best.shape, on: scores.device))
    return best.matches(labels)
  }
}
