import Checkpoints

/// Sizes of the parameters of a model, and tensors made of them.
struct LayoutPieces {
  let config: Transformer.Config

  /// Rows of a part of a layer or of the model, by the name of its matrix.
  private func rows(_ name: String) -> Int {
    switch name {
    case "attention.q": config.heads * config.headSize
    case "attention.k", "attention.v": config.keyValueHeadCount * config.headSize
    case "mlp.up", "mlp.gate": config.innerWidth
    case "embedding.tokens", "output": config.vocabulary
    case "embedding.positions": config.context
    case "embedding.segments", "order": 2
    case "classifier": config.classes
    default: config.width
    }
  }

  private func columns(_ name: String) -> Int {
    switch name {
    case "attention.output": config.heads * config.headSize
    case "mlp.down": config.innerWidth
    default: config.width
    }
  }

  /// `theirs.weight`, and `theirs.bias` where asked, made of all rows of `ours`, one below the other.
  func linear(
    _ theirs: String, _ ours: String..., layer: Int? = nil, bias: Bool = false, isTransposed: Bool = false
  ) -> [LaidOutTensor] {
    func tensor(_ kind: String, columns: Int?) -> LaidOutTensor {
      let pieces = ours.map {
        LaidOutTensor.Piece("\(prefix(layer))\($0).\(kind)", rows: rows($0))
      }
      return LaidOutTensor(
        "\(theirs).\(kind)", pieces, columns: columns, isTransposed: isTransposed && columns != nil)
    }
    return [tensor("weight", columns: columns(ours[0]))] + (bias ? [tensor("bias", columns: nil)] : [])
  }

  /// `theirs.weight`, and `theirs.bias` where the model's norms have one.
  func norm(_ theirs: String, _ ours: String, layer: Int? = nil) -> [LaidOutTensor] {
    (config.norm.hasBias ? ["weight", "bias"] : ["weight"]).map {
      vector("\(theirs).\($0)", "\(prefix(layer))\(ours).\($0)", rows: config.width)
    }
  }

  func vector(_ theirs: String, _ ours: String, rows: Int) -> LaidOutTensor {
    LaidOutTensor(theirs, [.init(ours, rows: rows)], columns: nil)
  }

  private func prefix(_ layer: Int?) -> String { layer.map { "layers.\($0)." } ?? "" }
}
