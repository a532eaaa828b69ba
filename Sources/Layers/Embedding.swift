import Tensors

/// The first vectors of a model: y = dropout(token[id] + (position[position] + segment[segment])).
/// y: [tokens held, width]
///
/// Ranks of the tensor axis divide the vocabulary: each looks up the ids that it has rows for, and the vectors are
/// added, zeros among them.
package struct Embedding {
  /// Own rows of the table.
  package let tokens: Parameter
  /// Learned positions, which every rank holds; nil where positions enter elsewhere (rotary).
  package let positions: Parameter?
  /// Vectors of the segments of a text, which every rank holds; nil where there are none.
  package let segments: Parameter?
  package let dropout: Float
  private let axis: TensorAxis
  private let firstRow: Int

  /// Declares `embedding.tokens.weight`, with `context` `embedding.positions.weight`, and with `segments`, so many,
  /// `embedding.segments.weight`.
  package init(
    vocabulary: Int, width: Int, context: Int?, segments: Int? = nil, deviation: Float, dropout: Float,
    _ axis: TensorAxis, _ store: ParameterStore
  ) {
    func held(_ name: String, rows: Int) -> Parameter {
      store.add(
        [PartShare("embedding.\(name).weight", rows: rows, isKept: axis.rank == 0)], columns: width,
        decays: true, isFactor: false, .normal(deviation: deviation))
    }
    tokens = Self.table(vocabulary: vocabulary, width: width, deviation: deviation, axis, store)
    positions = context.map { held("positions", rows: $0) }
    self.segments = segments.map { held("segments", rows: $0) }
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
    let positions = added(positions, at: microbatch.positions)
    if let packed = tokens.packed {
      partial.setRows(microbatch.ids, of: packed, firstRow: firstRow)
      if let positions {
        let rows = Tensor(uninitialized: partial.shape, on: device)
        rows.setRows(of: positions.table, at: positions.at)
        partial.add(rows)
      }
    } else {
      partial.setEmbedding(
        microbatch.ids, table: tokens.value, firstRow: firstRow, positions: positions,
        segments: added(segments, at: microbatch.segments))
    }
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
    if let segments, let at = microbatch.segments { segments.gradient.addEmbeddingGradient(whole, ids: at) }
  }

  /// The rows that the first rank adds for all.
  private func added(_ table: Parameter?, at rows: Tensor?) -> (table: Tensor, at: Tensor)? {
    guard let table, axis.rank == 0 else { return nil }
    guard let rows else { preconditionFailure("segment vectors need the segment of each token") }
    return (table.value, rows)
  }
}
