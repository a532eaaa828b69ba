import Tensors

/// What a block keeps between forward and backward.
package enum Recompute: String, Codable, CaseIterable, Sendable {
  /// Everything backward reads.
  case none
  /// What is dear to compute; norms, attention and activations are computed again.
  case selective
  /// The block's input; all of it is computed again (Chen et al. 2016).
  case full
}

/// A layer that, where asked, keeps its input, forgets the rest and computes it again on the way back.
/// Random streams depend on keys alone, so the replay is exact.
package struct Recomputed<Body: Layer>: Layer {
  package let body: Body
  package let isOn: Bool

  package enum Saved {
    case input(Tensor)
    case all(Body.Saved)
  }

  package init(_ body: Body, when isOn: Bool) {
    self.body = body
    self.isOn = isOn
  }

  package func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Saved) {
    let (y, saved) = body.forward(x, microbatch)
    return (y, isOn ? .input(x) : .all(saved))
  }

  package func backward(_ dy: Tensor, _ saved: consuming Saved, _ microbatch: Microbatch) -> Tensor {
    switch consume saved {
    case .input(let x): body.backward(dy, body.forward(x, microbatch).saved, microbatch)
    case .all(let kept): body.backward(dy, kept, microbatch)
    }
  }

  package func savedBytes(tokens: Int) -> Int { isOn ? 0 : body.savedBytes(tokens: tokens) }
}
