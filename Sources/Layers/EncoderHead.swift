import Tensors

/// An encoder's head: the last norm, then the masked tokens and what the whole sequence is asked (BERT, Devlin et
/// al. 2019), or one of the two.
///
/// Both read norm(x) of all tokens on every rank of the tensor axis; what they do before the vocabulary is little,
/// and every rank does all of it.
package struct EncoderHead: Head {
  package let norm: Norm
  package let masked: MaskedTokenHead?
  package let sequence: SequenceHead?
  private let axis: TensorAxis

  package init(norm: Norm, masked: MaskedTokenHead?, sequence: SequenceHead?, _ axis: TensorAxis) {
    precondition(masked != nil || sequence != nil, "a head that predicts nothing")
    self.norm = norm
    self.masked = masked
    self.sequence = sequence
    self.axis = axis
  }

  package var output: VocabularyOutput? { masked?.output }

  package func logits(_ x: Tensor, _ microbatch: Microbatch) -> Tensor {
    let normed = axis.startGathering(norm.forward(x, microbatch).y).wait()
    if let masked { return masked.logits(normed, microbatch) }
    return sequence?.scores(normed, microbatch) ?? normed
  }

  package func losses(_ x: Tensor, _ targets: Targets, _ microbatch: Microbatch) -> Losses {
    let normed = axis.startGathering(norm.forward(x, microbatch).y).wait()
    var losses = Losses()
    if let masked, targets.tokenCount > 0 {
      losses.tokens = masked.losses(targets.pick(normed), targets: targets.tokens, microbatch)
    }
    if let sequence, let labels = targets.labels {
      (losses.labels, losses.correctLabels) = sequence.losses(normed, labels: labels, microbatch)
    }
    return losses
  }

  package func lossesAndGradient(
    _ x: Tensor, _ targets: Targets, weights: LossWeights, _ microbatch: Microbatch
  ) -> (losses: Losses, dx: Tensor) {
    let (held, saved) = norm.forward(x, microbatch)
    let normed = axis.startGathering(held).wait()
    var losses = Losses()
    var dNormed: Tensor?
    if let masked, targets.tokenCount > 0 {
      let (tokens, dPicked) = masked.lossesAndGradient(
        targets.pick(normed), targets: targets.tokens, gradientWeight: weights.token, microbatch)
      losses.tokens = tokens
      dNormed = targets.spread(dPicked, over: normed.rows)
    }
    let whole = dNormed ?? Tensor(zeros: normed.shape, on: x.device)
    if let sequence, let labels = targets.labels {
      (losses.labels, losses.correctLabels) = sequence.lossesAndGradient(
        normed, labels: labels, gradientWeight: weights.label, addingTo: whole, microbatch)
    }
    return (losses, norm.backward(axis.own(whole), saved, microbatch))
  }
}
