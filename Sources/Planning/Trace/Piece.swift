import Layers
import Models

/// A piece of a model as the passes of one microbatch see it.
enum Piece: Hashable {
  /// One block; all are alike.
  case layer
  case embedding
  /// With the losses and their gradient.
  case head

  /// What a rank holds that has this piece alone.
  func part(_ axis: TensorAxis) -> TransformerPart {
    switch self {
    case .layer: TransformerPart(axis: axis, chunks: [0..<1], hasEmbedding: false, hasHead: false)
    case .embedding: TransformerPart(axis: axis, chunks: [0..<0], hasEmbedding: true, hasHead: false)
    case .head: TransformerPart(axis: axis, chunks: [0..<0], hasEmbedding: false, hasHead: true)
    }
  }
}
