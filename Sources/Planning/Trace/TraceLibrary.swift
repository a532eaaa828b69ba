import Layers
import Models
import Optimizers
import Topology
import Training

/// Traces that were made, by what they depend on: a search looks at the same pieces in many meshes.
final class TraceLibrary {
  /// What its keys leave out: all that a search does not change.
  struct Model: Equatable {
    private let model: Transformer.Config
    private let sequenceLength: Int
    private let predictedShare: Double
    private let optimizer: Optimizer.Kind

    init(_ config: RunConfig) {
      model = config.model
      sequenceLength = config.sequenceLength
      predictedShare = config.predictedShare
      optimizer = config.optimizer.kind
    }
  }

  private struct PassKey: Hashable {
    let tensor: Int
    let splitsTokens: Bool
    let microbatch: Int
    let recompute: Recompute
    let splitsBackward: Bool
    let scatters: Bool

    init(_ config: RunConfig, splitsBackward: Bool) {
      tensor = config.mesh.tensor
      splitsTokens = config.mesh.sequenceParallel
      microbatch = config.training.microbatch
      recompute = config.training.recompute
      self.splitsBackward = splitsBackward
      scatters = config.mesh.scatterBoundaries
    }
  }

  private struct UpdateKey: Hashable {
    let tensor: Int
    let splitsTokens: Bool
    let data: Int
    let isSharded: Bool
    let precision: Precision
    let reduction: MeshConfig.Reduction
    let bucketBytes: Int
    let layers: [Int]
    let isFirst: Bool
    let isLast: Bool
  }

  private var pieces: [Piece: [PassKey: PieceTrace]] = [:]
  private var boundaries: [PassKey: BoundaryTrace] = [:]
  private var updates: [UpdateKey: UpdateTrace] = [:]

  func piece(_ piece: Piece, _ config: RunConfig, splitsBackward: Bool) throws -> PieceTrace {
    let key = PassKey(config, splitsBackward: splitsBackward)
    if let known = pieces[piece]?[key] { return known }
    let made = try PieceTrace(piece, config, splitsBackward: splitsBackward)
    pieces[piece, default: [:]][key] = made
    return made
  }

  func boundary(_ config: RunConfig) -> BoundaryTrace {
    let key = PassKey(config, splitsBackward: false)
    if let known = boundaries[key] { return known }
    let made = BoundaryTrace(config)
    boundaries[key] = made
    return made
  }

  /// What a stage does once a step. Stages of one shape do the same.
  func update(_ config: RunConfig, _ mesh: Mesh, stage: Int) -> UpdateTrace {
    let plan = config.stagePlan
    let key = UpdateKey(
      tensor: mesh.tensor, splitsTokens: config.mesh.sequenceParallel, data: mesh.data,
      isSharded: config.mesh.shardOptimizer, precision: config.training.precision,
      reduction: config.mesh.reduction, bucketBytes: config.mesh.bucketBytes,
      layers: plan.layerCounts(stage: stage), isFirst: stage == 0,
      isLast: stage == plan.stages - 1)
    if let known = updates[key] { return known }
    let made = UpdateTrace(config, mesh, stage: stage)
    updates[key] = made
    return made
  }
}
