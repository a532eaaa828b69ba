import Tensors

/// Attention, then feed-forward, each x + f(norm(x)) (pre-norm).  x, y: [tokens, width]
package struct TransformerBlock: Layer {
  package let attention: SelfAttention
  package let feedForward: FeedForward

  package struct Saved {
    let attention: SelfAttention.Saved
    let feedForward: FeedForward.Saved
  }

  package init(attention: SelfAttention, feedForward: FeedForward) {
    self.attention = attention
    self.feedForward = feedForward
  }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved) {
    let (middle, first) = attention.forward(x, microbatch)
    let (y, second) = feedForward.forward(middle, microbatch)
    return (y, Saved(attention: first, feedForward: second))
  }

  package func backward(_ dy: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) -> Tensor {
    attention.backward(feedForward.backward(dy, saved.feedForward, microbatch), saved.attention, microbatch)
  }

  package func savedBytes(tokens: Int) -> Int {
    let middle = attention.held(tokens) * attention.norm.gain.shape.count * DType.f32.size
    return attention.savedBytes(tokens: tokens) + middle + feedForward.savedBytes(tokens: tokens)
  }
}
