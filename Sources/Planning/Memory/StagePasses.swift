import Schedules
import Topology
import Training

/// What the passes of a stage hold along its actions, in bytes of f32.
struct StagePasses {
  /// Kept at the fullest.
  private(set) var activations = 0.0
  /// Of one microbatch, in all chunks.
  let perMicrobatch: Double
  /// All at the fullest.
  private(set) var peak = 0.0
  private(set) var reserved = Footprint()
  /// The most in use at a time, of what was traced.
  private(set) var traced = 0
  /// Ids and targets of one microbatch.
  let feed: Int

  private let layer: PieceTrace
  private let embedding: PieceTrace?
  private let head: PieceTrace?
  private let scores: ScoreBytes
  /// Layers of a chunk: a stage's chunks are alike but for a layer, and the largest counts.
  private let count: Int

  init(
    _ stage: Int, _ config: RunConfig, _ schedule: Schedule, _ library: TraceLibrary, _ cluster: Cluster,
    _ scale: Double
  ) throws {
    let plan = config.stagePlan
    func trace(_ piece: Piece) throws -> PieceTrace {
      try library.piece(piece, config, splitsBackward: schedule.splitsBackward)
    }
    let layer = try trace(.layer)
    let scores = ScoreBytes(layer, config, cluster, scale)
    let counts = plan.layerCounts(stage: stage)
    self.layer = layer
    self.scores = scores
    count = counts.max() ?? 0
    embedding = stage == 0 ? try trace(.embedding) : nil
    head = stage == plan.stages - 1 ? try trace(.head) : nil
    feed = (head ?? embedding)?.feed.bytes ?? (config.model.kind == .encoder ? layer.feed.bytes : 0)
    perMicrobatch = counts.reduce(0) { $0 + Double($1) * (Double(layer.saved.bytes) + scores.kept) }
    for moment in moments(schedule.shortened, stage) { note(moment, lastChunk: plan.chunks - 1) }
  }

  /// What is under way when a pass begins.
  private struct Moment: Hashable {
    enum Pass: Hashable { case forward, backward, weights }

    let pass: Pass
    let chunk: Int
    /// Passes between forward and backward, this one's backward among them.
    let live: Int
    /// Between backward and weights.
    let deferred: Int
    /// Of the live, those whose gradient the head has made and whose backward has not begun.
    let heads: Int
  }

  /// The different moments along a stage's actions.
  private func moments(_ schedule: Schedule, _ stage: Int) -> Set<Moment> {
    var moments: Set<Moment> = []
    var live = 0, deferred = 0, heads = 0
    for action in schedule.actions(stage: stage) {
      let isHead = head != nil && action.chunk == schedule.chunks - 1
      func note(_ pass: Moment.Pass) {
        moments.insert(
          Moment(pass: pass, chunk: action.chunk, live: live, deferred: deferred, heads: heads))
      }
      switch action {
      case .forward:
        note(.forward)
        live += 1
        heads += isHead ? 1 : 0
      case .backward:
        // It takes the head's gradient with it.
        heads -= isHead ? 1 : 0
        note(.backward)
        live -= 1
        deferred += schedule.splitsBackward ? 1 : 0
      case .weights:
        note(.weights)
        deferred -= 1
      }
    }
    return moments
  }

  private mutating func note(_ moment: Moment, lastChunk: Int) {
    let waiting = moment.heads * (head?.saved ?? Footprint())
    let base = moment.live * count * layer.saved + moment.deferred * count * layer.deferred + waiting
    let written = Double(moment.live * count) * scores.kept
    let entering = moment.pass == .forward ? Double(count) * (Double(layer.saved.bytes) + scores.kept) : 0
    activations = max(activations, Double(base.bytes) + written + entering)
    for need in needs(moment, isLastChunk: moment.chunk == lastChunk) {
      reserved = reserved.union(base - need.freed + need.more)
      let bytes = base.bytes - need.freed.bytes + need.bytes
      traced = max(traced, bytes)
      peak = max(peak, Double(bytes) + written + need.scores)
    }
  }

  /// What a pass holds beside what is under way, at its fullest in one of its pieces.
  private struct Need {
    /// Of each size, the most buffers; and of all, the most bytes.
    var more: Footprint
    var bytes: Int
    /// Of what was under way, what is gone by then.
    var freed = Footprint()
    /// Of attention that writes its scores.
    var scores = 0.0

    init(_ pass: PieceTrace.Pass, beside held: Footprint = Footprint(), scores: Double = 0) {
      more = held + pass.most
      bytes = held.bytes + pass.mostBytes
      self.scores = scores
    }
  }

  private func needs(_ moment: Moment, isLastChunk: Bool) -> [Need] {
    let before = max(0, count - 1)
    switch moment.pass {
    case .forward:
      let last = Need(
        layer.forward, beside: before * layer.saved,
        scores: Double(before) * scores.kept + scores.forward)
      let ends = [
        moment.chunk == 0 ? embedding.map { Need($0.forward) } : nil,
        isLastChunk
          ? head.map { Need($0.forward, beside: count * layer.saved, scores: Double(count) * scores.kept) }
          : nil,
      ]
      return [last] + ends.compactMap(\.self)
    case .backward:
      // At its first layer all is still kept; at its last, weight gradients of the others may wait.
      var last = Need(
        layer.backward, beside: before * layer.deferred,
        scores: scores.backward - Double(before) * scores.kept)
      last.freed = before * layer.saved
      let end = moment.chunk == 0 ? embedding.map { Need($0.backward) } : nil
      return [Need(layer.backward, scores: scores.backward), last] + [end].compactMap(\.self)
    case .weights: return [Need(layer.weights)]
    }
  }
}

extension Schedule {
  /// The same with no more microbatches than what a stage holds can depend on.
  fileprivate var shortened: Schedule {
    let lap = stages * stages
    guard kind != .gpipe, microbatches > lap + stages else { return self }
    return Schedule(kind, stages: stages, chunks: chunks, microbatches: lap + microbatches % stages)
  }
}
