import Collectives
import Layers
import Topology

/// What a rank holds of a model: its shares of the matrices of some of the layers.
package struct TransformerPart {
  package let axis: TensorAxis
  /// The layers of each model chunk.
  package let chunks: [Range<Int>]
  /// Whether the first chunk begins with the embedding.
  package let hasEmbedding: Bool
  /// Whether the last chunk ends with the head.
  package let hasHead: Bool

  package init(axis: TensorAxis, chunks: [Range<Int>], hasEmbedding: Bool, hasHead: Bool) {
    self.axis = axis
    self.chunks = chunks
    self.hasEmbedding = hasEmbedding
    self.hasHead = hasHead
  }

  /// Whether this rank holds all of the model.
  package var isWhole: Bool { axis.count == 1 && hasEmbedding && hasHead }

  /// All layers, or a tensor group's share of them.
  package static func whole(of config: Transformer.Config, _ axis: TensorAxis = .single) -> TransformerPart {
    TransformerPart(axis: axis, chunks: [0..<config.layers], hasEmbedding: true, hasHead: true)
  }

  /// Stage `stage` of `plan`.
  package static func stage(_ stage: Int, of plan: StagePlan, _ axis: TensorAxis) -> TransformerPart {
    TransformerPart(
      axis: axis, chunks: (0..<plan.chunks).map { plan.layers(stage: stage, chunk: $0) },
      hasEmbedding: stage == 0, hasHead: stage == plan.stages - 1)
  }
}
