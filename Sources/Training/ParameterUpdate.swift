import Checkpoints
import Collectives
import Layers
import Models
import Optimizers
import Tensors

/// From the gradients that this rank has accumulated to new values on every rank: sums over the mesh, the norm,
/// the optimizer, and what a checkpoint keeps of it.
package final class ParameterUpdate {
  package let precision: MixedPrecision
  package let optimizer: Optimizer
  private let store: ParameterStore
  private let rank: Rank
  private let buckets: GradientBuckets
  private let partials: PartialGradients
  /// The table's gradient, where another stage has a share in it.
  private let tied: Tensor?
  /// Gradients whose squares this rank adds to the norm: its parts, without what other ranks count.
  private let counted: [Tensor]
  /// The gradients of its parts.
  private let owned: [Tensor]
  /// Runs of the arena that the optimizer updates on this rank.
  private let runs: [Range<Int>]
  private let isSharded: Bool

  package init(_ config: RunConfig, _ model: Transformer, _ rank: Rank) {
    let store = model.store, mesh = config.mesh
    self.store = store
    self.rank = rank
    isSharded = mesh.shardOptimizer && rank.data.count > 1
    partials = PartialGradients(store, rank.tensor)
    func gradients(_ range: Range<Int>) -> Tensor { store.gradients.elements(range, as: Shape(range.count)) }
    tied = rank.ends.count > 1 ? model.tiedRange.map(gradients) : nil
    buckets = GradientBuckets(
      store, rank.data, bytes: mesh.bucketBytes, reduction: mesh.reduction,
      late: partials.ranges + [model.tiedRange].compactMap(\.self))
    owned = buckets.owned.map(gradients)
    let others = store.parts.filter { !$0.part.isKept }.map(\.range)
    counted = buckets.owned.flatMap { $0.excluding(others).map(gradients) }
    runs = isSharded ? buckets.owned : [0..<store.count]
    precision = MixedPrecision(
      config.training.precision,
      values: runs.map { store.values.elements($0, as: Shape($0.count)) })
    optimizer = Optimizer(
      config.optimizer,
      zip(runs, precision.masters).flatMap { run, master in
        OptimizerPiece.pieces(
          run, values: master, from: run.lowerBound, gradients: store.gradients,
          decayedCount: store.decayedCount)
      })
    // Of all ranks: what this one does not update is rounded elsewhere.
    refreshValues()
  }

  /// Elements of the arena that the optimizer updates on this rank.
  package var updatedCount: Int { runs.reduce(0) { $0 + $1.count } }

  // MARK: Checkpoints

  /// Everything that this rank holds of the masters and the optimizer's state, to be filled from a checkpoint.
  package var tensors: [ShardedTensor] {
    named.flatMap { prefix, arena in tensors(prefix, arena, in: runs, ofKept: false) }
  }

  /// What this rank writes of it: each element is one rank's to write.
  package var ownTensors: [ShardedTensor] {
    named.flatMap { prefix, arena in tensors(prefix, arena, in: buckets.owned, ofKept: true) }
  }

  /// Masters under the parameters' own names, the optimizer's arenas under theirs; each holds `runs` in order.
  private var named: [(prefix: String, parts: [Tensor])] {
    var all = [(prefix: "", parts: precision.masters)]
    for state in optimizer.state {
      var next = 0
      let parts = runs.map { run in
        defer { next += run.count }
        return state.tensor.elements(next..<next + run.count, as: Shape(run.count))
      }
      all.append((prefix: state.name + ".", parts: parts))
    }
    return all
  }

  /// The named parts of parameters where they overlap `wanted`, as pieces of `arena`, which holds `runs`.
  private func tensors(
    _ prefix: String, _ arena: [Tensor], in wanted: [Range<Int>], ofKept: Bool
  ) -> [ShardedTensor] {
    store.parts.filter { $0.part.isKept || !ofKept }.flatMap { part, place in
      zip(runs, arena).flatMap { run, tensor in
        wanted.compactMap { wanted in
          let piece = place.clamped(to: run).clamped(to: wanted)
          guard !piece.isEmpty else { return nil }
          let values = tensor.elements(
            piece.lowerBound - run.lowerBound..<piece.upperBound - run.lowerBound, as: Shape(piece.count))
          return ShardedTensor(
            prefix + part.name, values, block: part.block,
            range: piece.lowerBound - place.lowerBound..<piece.upperBound - place.lowerBound,
            of: part.whole.dimensions)
        }
      }
    }
  }

  // MARK: A step

  /// Called as the last backward goes on: gradients of matrices from `place` on are complete.
  package func complete(from place: Int) { buckets.complete(from: place) }

  /// Makes this rank's parts of the gradients the sums over the mesh. Returns Σ g² of what this rank counts; added
  /// over the world it is the squared norm of the model's gradient.
  package func sumGradients() -> Double {
    partials.sum()
    if let tied { rank.ends.allReduce(tied) }
    buckets.finish()
    for part in owned { precision.round(part) }
    return counted.reduce(0) { $0 + $1.sumOfSquares }
  }

  /// Makes update number `step` on every rank; leaves all gradients zero.
  package func apply(step: Int, learningRate: Double, gradientScale: Double) {
    if !isSharded { buckets.gather(store.gradients) }
    optimizer.update(step: step, learningRate: learningRate, gradientScale: gradientScale)
    if isSharded { store.gradients.fill(0) }
    refreshValues()
  }

  /// Forgets the gradients.
  func skip() { store.gradients.fill(0) }

  /// The values of every rank = the masters of the ranks that update them.
  func refreshValues() {
    precision.refreshValues()
    if isSharded { buckets.gather(store.values) }
  }
}

extension Range<Int> {
  /// What remains of it without `holes`, which are in order and do not overlap.
  func excluding(_ holes: [Range<Int>]) -> [Range<Int>] {
    var rest: [Range<Int>] = []
    var first = lowerBound
    for hole in holes.map({ $0.clamped(to: self) }).sorted(by: { $0.lowerBound < $1.lowerBound })
    where !hole.isEmpty {
      if first < hole.lowerBound { rest.append(first..<hole.lowerBound) }
      first = hole.upperBound
    }
    if first < upperBound { rest.append(first..<upperBound) }
    return rest
  }
}
