import Training

/// What attention that writes its scores into memory adds to a layer: probabilities, and with dropout the dropped ones
/// and a mask of a byte (Korthikanti et al. 2022: 5·a·s²·b in half precision). In bytes of f32, as traces count them.
struct ScoreBytes {
  var kept = 0.0
  var forward = 0.0
  var backward = 0.0

  init(_ layer: PieceTrace, _ config: RunConfig, _ cluster: Cluster, _ scale: Double) {
    guard cluster.software.attention == .materialized else { return }
    let scores =
      layer.forward.events.lazy.compactMap { event -> Double? in
        guard case .operation(let operation, _, _) = event, let scores = operation.scores else { return nil }
        let bytes = scores.isDropping ? 2 * 4 * scale + 1 : 4 * scale
        return Double(scores.count) * Double(scores.queries) * Double(scores.keys) * bytes / scale
      }.first ?? 0
    if config.training.recompute == .none { kept = scores }
    forward = scores
    // What was kept or computed again, and its gradient.
    backward = config.training.recompute == .none ? scores : 2 * scores
  }
}
