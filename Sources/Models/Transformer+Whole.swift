import Layers
import Tensors

// A model that one rank, or one tensor group, holds from end to end.
extension Transformer {
  private var wholeHead: any Head {
    guard let head, chunks.count == 1, embedding != nil else {
      preconditionFailure(
        "asked for the losses of a part of a model: \(part.chunks) of \(config.layers) layers")
    }
    return head
  }

  /// The residual stream behind the last block, and what backward reads.
  package func forward(_ microbatch: Microbatch) -> (hidden: Tensor, saved: Saved) {
    forward(chunk: 0, nil, microbatch)
  }

  /// The residual stream behind the last block, nothing kept.
  package func hidden(_ microbatch: Microbatch) -> Tensor {
    hidden(chunk: 0, nil, microbatch)
  }

  /// Scores of every token, or of every sequence. [tokens, vocabulary] or [sequences, classes]
  package func logits(_ microbatch: Microbatch) -> Tensor { logits(ofHidden: hidden(microbatch), microbatch) }

  /// logits of the tokens whose residual stream is `hidden`.
  package func logits(ofHidden hidden: Tensor, _ microbatch: Microbatch) -> Tensor {
    wholeHead.logits(hidden, microbatch)
  }

  /// What `targets` cost, nothing kept.
  package func losses(_ microbatch: Microbatch, _ targets: Targets) -> Losses {
    wholeHead.losses(hidden(microbatch), targets, microbatch)
  }

  /// Forward and backward: what `targets` cost, with the gradients of Σ weight · loss accumulated everywhere.
  package func lossesAndGradients(_ microbatch: Microbatch, _ targets: Targets, weights: LossWeights)
    -> Losses
  {
    let (hidden, saved) = forward(microbatch)
    let (losses, dHidden) = wholeHead.lossesAndGradient(hidden, targets, weights: weights, microbatch)
    _ = backward(chunk: 0, dHidden, saved, microbatch)
    return losses
  }
}
