import Schedules
import Topology
import Training

/// What a device of a pipeline stage holds at its fullest, by kind, in bytes.
package struct StageMemory: Sendable, Equatable {
  package var weights = 0.0
  package var gradients = 0.0
  package var optimizer = 0.0
  /// Kept between forward and backward, of all microbatches that are under way.
  package var activations = 0.0
  /// Of those, what one microbatch keeps.
  package var activationsPerMicrobatch = 0.0
  /// What a pass or the update needs beside it.
  package var temporary = 0.0
  /// Ids and targets of a step's microbatches, tables of rotations.
  package var inputs = 0.0
  /// What a pool whose buffers serve one size each reserves beyond that.
  package var fragmentation = 0.0

  package var total: Double {
    weights + gradients + optimizer + activations + temporary + inputs + fragmentation
  }
}

extension StageMemory {
  init(
    _ stage: Int, _ config: RunConfig, _ mesh: Mesh, _ cluster: Cluster, _ schedule: Schedule,
    _ library: TraceLibrary
  ) throws {
    let arithmetic = Arithmetic(config.training.precision, on: cluster.device)
    let scale = arithmetic.activationScale
    let update = library.update(config, mesh, stage: stage)
    let held = Double(update.heldCount)
    if arithmetic.isHalf {
      weights = 2 * held
      gradients = (config.mesh.reduction == .bf16 ? 2 : 4) * held
      optimizer = (config.optimizer.kind == .adamw ? 12 : 8) * Double(update.updatedCount)
    } else {
      weights = 4 * held
      gradients = 4 * held
      optimizer = Double(update.optimizer.bytes)
    }
    let passes = try StagePasses(stage, config, schedule, library, cluster, scale)
    activations = passes.activations * scale
    activationsPerMicrobatch = passes.perMicrobatch * scale
    temporary = max((passes.peak - passes.activations) * scale, Double(update.most.bytes))
    inputs = Double(schedule.microbatches * passes.feed + update.tables.bytes)
    let reserved = passes.reserved.union(update.most).bytes
    fragmentation = Double(reserved - max(passes.traced, update.most.bytes)) * scale
  }
}

/// The passes of a stage along its actions, in bytes of f32.
private struct StagePasses {
  /// Kept at the fullest.
  private(set) var activations = 0.0
  private(set) var perMicrobatch = 0.0
  /// All at the fullest.
  private(set) var peak = 0.0
  private(set) var reserved = Footprint()
  /// The most in use at a time, of what was traced.
  private(set) var traced = 0
  let feed: Int

  /// What is under way: passes between forward and backward, and between backward and weights.
  private struct Moment: Hashable {
    var live = 0
    var deferred = 0
    var isForward: Bool
    var chunk: Int
  }

  init(
    _ stage: Int, _ config: RunConfig, _ schedule: Schedule, _ library: TraceLibrary, _ cluster: Cluster,
    _ scale: Double
  ) throws {
    let plan = config.stagePlan, splits = schedule.splitsBackward
    func trace(_ piece: Piece) throws -> PieceTrace {
      try library.piece(piece, config, splitsBackward: splits)
    }
    let layer = try trace(.layer)
    let counts = (0..<plan.chunks).map { plan.layers(stage: stage, chunk: $0).count }
    let isFirst = stage == 0, isLast = stage == plan.stages - 1
    let embedding = isFirst ? try trace(.embedding) : nil
    let head = isLast ? try trace(.head) : nil
    feed = (head ?? embedding)?.feed.bytes ?? (config.model.kind == .encoder ? layer.feed.bytes : 0)
    // Chunks of a stage are alike but for a layer; the larger counts.
    let count = counts.max() ?? 0
    let extra = ScoreBytes(layer, config, cluster, scale)
    let kept = count * layer.saved
    let deferred = count * layer.deferred
    let keptBytes = Double(kept.bytes) + Double(count) * extra.kept
    perMicrobatch = counts.reduce(0) { $0 + Double($1 * layer.saved.bytes) + Double($1) * extra.kept }
    for moment in Self.moments(schedule, stage) {
      let base = moment.live * kept + moment.deferred * deferred
      let bytes = Double(moment.live) * keptBytes + Double(moment.deferred * deferred.bytes)
      activations = max(activations, bytes + (moment.isForward ? keptBytes : 0))
      for need in Self.needs(
        moment, layer, count, embedding, head, extra, isLastChunk: moment.chunk == plan.chunks - 1)
      {
        reserved = reserved.union(base + need.most)
        traced = max(traced, base.bytes + need.bytes)
        peak = max(peak, bytes + Double(need.bytes) + need.scores)
      }
    }
  }

  /// What a pass needs beside what is under way, piece by piece.
  private struct Need {
    let most: Footprint
    let bytes: Int
    /// Of attention that writes its scores.
    var scores = 0.0
  }

  private static func needs(
    _ moment: Moment, _ layer: PieceTrace, _ count: Int, _ embedding: PieceTrace?, _ head: PieceTrace?,
    _ extra: ScoreBytes, isLastChunk: Bool
  ) -> [Need] {
    func need(_ pass: PieceTrace.Pass, behind layers: Int = 0, scores: Double = 0) -> Need {
      let kept = layers * layer.saved
      return Need(most: kept + pass.most, bytes: kept.bytes + pass.mostBytes, scores: scores)
    }
    guard moment.isForward else {
      return [need(layer.backward, scores: extra.backward)]
        + (moment.chunk == 0 ? [embedding.map { need($0.backward) }] : []).compactMap(\.self)
    }
    let before = max(0, count - 1)
    var needs = [need(layer.forward, behind: before, scores: Double(before) * extra.kept + extra.forward)]
    if let embedding, moment.chunk == 0 { needs.append(need(embedding.forward)) }
    if let head, isLastChunk {
      needs.append(need(head.forward, behind: count, scores: Double(count) * extra.kept))
    }
    return needs
  }

  /// The different moments of a stage, those before its passes.
  private static func moments(_ schedule: Schedule, _ stage: Int) -> Set<Moment> {
    var moments: Set<Moment> = []
    var now = (live: 0, deferred: 0)
    for action in schedule.actions(stage: stage) {
      switch action {
      case .forward(_, let chunk):
        moments.insert(Moment(live: now.live, deferred: now.deferred, isForward: true, chunk: chunk))
        now.live += 1
      case .backward(_, let chunk):
        // Its own share goes as it is read.
        moments.insert(Moment(live: now.live, deferred: now.deferred, isForward: false, chunk: chunk))
        now.live -= 1
        if schedule.splitsBackward { now.deferred += 1 }
      case .weights: now.deferred -= 1
      }
    }
    return moments
  }
}

/// What attention that writes its scores into memory adds to a layer: probabilities, and with dropout the dropped ones
/// and a mask of a byte (Korthikanti et al. 2022: 5·a·s²·b in half precision). In bytes of f32, as traces count them.
private struct ScoreBytes {
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
