import Collectives
import Layers
import Topology

extension TransformerPart {
  /// What `rank` holds of a model of shape `config` that a mesh divides to use it as it is: stages as even as can be.
  package static func share(of config: Transformer.Config, on rank: Rank) -> TransformerPart {
    .stage(
      rank.place.pipeline,
      of: StagePlan(layers: config.layers, stages: rank.mesh.pipeline, headCost: config.headCost),
      TensorAxis(rank.tensor, splitsTokens: false))
  }
}

extension Transformer.Config {
  /// The matrix products of the head over those of a layer, by their weights.
  package var headCost: Double {
    let fused = (heads + 2 * keyValueHeadCount) * headSize
    let inner = (activation.isGated ? 3 : 2) * innerWidth
    return classes > 0 ? 0 : Double(vocabulary) / Double(max(1, fused + heads * headSize + inner))
  }

  /// Why `ranks` ranks cannot divide the model's matrices, a sentence each.
  ///
  /// - Parameter name: what the user calls the number of ranks.
  package func tensorProblems(_ ranks: Int, named name: String) -> [String] {
    var problems: [String] = []
    if heads % ranks != 0 {
      let fitting = (1...ranks).filter { heads % $0 == 0 }.map(String.init).joined(separator: ", ")
      problems.append(
        "model.heads \(heads) cannot be divided among \(name) \(ranks) ranks: \(fitting) would work")
    } else if max(ranks, keyValueHeadCount) % min(ranks, keyValueHeadCount) != 0 {
      problems.append(
        "model.key_value_heads \(keyValueHeadCount) and \(name) \(ranks): one must be a multiple of the other"
      )
    }
    let sizes = [("feed_forward_width", innerWidth), ("vocabulary", vocabulary)]
    // A vocabulary of zero is not known yet; the rule is asked again when it is.
    if let (part, size) = sizes.first(where: { $0.1 < ranks && $0.1 > 0 }) {
      problems.append(
        "model.\(part) \(size) cannot be divided among \(name) \(ranks) ranks: at most \(size) would work")
    }
    return problems
  }
}
