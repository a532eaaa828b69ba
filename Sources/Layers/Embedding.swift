import Tensors

/// The first vectors of a model: y = dropout(token[id] + position[position]).  y: [tokens held, width]
///
/// Ranks of the tensor axis divide the vocabulary: each looks up the ids that it has rows for, and the vectors are
/// added, zeros among them.
package struct Embedding {
  /// Own rows of the table.
  package let tokens: Parameter
  /// Learned positions, which every rank holds; nil where positions enter elsewhere (rotary).
  package let positions: Parameter?
  package let dropout: Float
  private let axis: TensorAxis
  private let firstRow: Int

  /// Declares `embedding.tokens.weight` and, with `context`, `embedding.positions.weight`.
  package init(
    vocabulary: Int, width: Int, context: Int?, deviation: Float, dropout: Float,
    _ axis: TensorAxis, _ store: ParameterStore
  ) {
    tokens = Self.table(vocabulary: vocabulary, width: width, deviation: deviation, axis, store)
    positions = context.map {
      store.add(
        [PartShare("embedding.positions.weight", rows: $0, isKept: axis.rank == 0)], columns: width,
        decays: true, .normal(deviation: deviation))
    }
    self.dropout = dropout
    self.axis = axis
    firstRow = axis.share(of: vocabulary).lowerBound
  }

  /// Declares a rank's rows of the token table: the embedding's, or, not to be kept twice, those of a last pipeline
  /// stage whose output is tied to it.
  package static func table(
    vocabulary: Int, width: Int, deviation: Float, isKept: Bool = true, _ axis: TensorAxis,
    _ store: ParameterStore
  ) -> Parameter {
    store.add(
      [
        PartShare(
          "embedding.tokens.weight", rows: vocabulary, held: axis.share(of: vocabulary), isKept: isKept)
      ], columns: width, decays: true, .normal(deviation: deviation))
  }

  package func forward(_ microbatch: Microbatch, on device: Device) -> Tensor {
    let partial = Tensor(uninitialized: Shape(microbatch.tokens, tokens.shape.columns), on: device)
    partial.setEmbedding(
      microbatch.ids, table: tokens.value, firstRow: firstRow, positions: microbatch.positions,
      positionTable: axis.rank == 0 ? positions?.value : nil)
    let y = axis.startSumming(partial).wait()
    if dropout > 0, let key = microbatch.key {
      y.setDropout(
        of: y, probability: dropout, key: key.at("embedding").value, first: axis.firstElement(of: y))
    }
    return y
  }

  package func backward(_ dy: Tensor, _ microbatch: Microbatch) {
    var dropped = dy
    if dropout > 0, let key = microbatch.key {
      dropped = Tensor(uninitialized: dy.shape, on: dy.device)
      dropped.setDropout(
        of: dy, probability: dropout, key: key.at("embedding").value, first: axis.firstElement(of: dy))
    }
    let whole = axis.startGathering(dropped).wait()
    tokens.gradient.addEmbeddingGradient(whole, ids: microbatch.ids, firstRow: firstRow)
    positions?.gradient.addEmbeddingGradient(whole, ids: microbatch.positions)
  }
}
