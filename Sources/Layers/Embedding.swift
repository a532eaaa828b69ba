import Tensors

/// The first vectors of a model: y = dropout(token[id] + position[position]).  y: [tokens, width]
package struct Embedding {
  package let tokens: Parameter
  /// Learned positions; nil where positions enter elsewhere (rotary).
  package let positions: Parameter?
  package let dropout: Float

  /// Declares `embedding.tokens.weight` and, with `context`, `embedding.positions.weight`.
  package init(
    vocabulary: Int, width: Int, context: Int?, deviation: Float, dropout: Float, _ store: ParameterStore
  ) {
    tokens = store.add(
      [("embedding.tokens.weight", vocabulary)], columns: width, decays: true, .normal(deviation: deviation))
    positions = context.map {
      store.add(
        [("embedding.positions.weight", $0)], columns: width, decays: true, .normal(deviation: deviation))
    }
    self.dropout = dropout
  }

  package func forward(_ microbatch: Microbatch, on device: Device) -> Tensor {
    let y = Tensor(uninitialized: Shape(microbatch.tokens, tokens.shape.columns), on: device)
    y.setEmbedding(
      microbatch.ids, table: tokens.value, positions: microbatch.positions, positionTable: positions?.value)
    if dropout > 0, let key = microbatch.key {
      y.setDropout(of: y, probability: dropout, key: key.at("embedding").value)
    }
    return y
  }

  package func backward(_ dy: Tensor, _ microbatch: Microbatch) {
    var dropped = dy
    if dropout > 0, let key = microbatch.key {
      dropped = Tensor(uninitialized: dy.shape, on: dy.device)
      dropped.setDropout(of: dy, probability: dropout, key: key.at("embedding").value)
    }
    tokens.gradient.addEmbeddingGradient(dropped, ids: microbatch.ids)
    positions?.gradient.addEmbeddingGradient(dropped, ids: microbatch.positions)
  }
}
