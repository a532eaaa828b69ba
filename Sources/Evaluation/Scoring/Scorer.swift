import Collectives
import Layers
import Models
import Tensors

/// Scores windows under a decoder that a mesh of ranks holds: tensor ranks divide its matrices, pipeline stages its
/// layers, data-parallel ranks the windows. A rank alone is a mesh too.
///
/// What a window scores does not depend on the windows beside it, bit for bit.
package struct Scorer {
  private let model: Transformer
  private let rank: Rank
  private let budget: Int

  /// Inputs computed together where nobody says otherwise: enough for the matrix products, and few enough for caches.
  package static let defaultBudget = 4096
  /// Batches that a pipeline stage may be ahead of the next.
  private static let ahead = 2

  /// - Parameters:
  ///   - model: this rank's part.
  ///   - budget: inputs that are computed together.
  package init(_ model: Transformer, rank: Rank = .single, budget: Int = Scorer.defaultBudget)
    throws(EvaluationFailure)
  {
    try Self.check(model.config)
    self.model = model
    self.rank = rank
    self.budget = budget
  }

  /// Throws when a model of this shape does not predict what follows.
  package static func check(_ config: Transformer.Config) throws(EvaluationFailure) {
    guard config.kind == .decoder else {
      throw EvaluationFailure(
        "model.kind \(config.kind.rawValue)",
        "its tokens see those behind them, so it does not predict what follows; evaluate a decoder")
    }
  }

  /// Scores of `windows` in their order, on every rank; every rank asks for the same.
  ///
  /// - Parameters:
  ///   - choosing: whether `isGreedy` is wanted.
  ///   - progress: told how many inputs are done, of how many.
  package func scores(
    of windows: [Window], choosing: Bool, progress: (Int, Int) -> Void = { _, _ in }
  ) -> [Score] {
    let plan = ScoringPlan(windows, budget: budget), data = rank.mesh.data
    var own: [Score] = []
    var travelling: [Pending] = []
    for index in stride(from: rank.place.data, to: plan.batches.count, by: data) {
      rank.status.note("scoring of batch", index)
      let batch = ScoringBatch(plan.batches[index].map { windows[$0] }, on: model.device)
      switch run(batch, choosing: choosing) {
      case .scores(let scores): own += scores
      case .passedOn(let pending): travelling.append(pending)
      }
      if travelling.count > Self.ahead { travelling.removeFirst().wait() }
      progress(plan.tokens[min(index - rank.place.data + data, plan.tokens.count) - 1], plan.tokens.last ?? 0)
    }
    for pending in travelling { pending.wait() }
    return exchange(own, plan, count: windows.count)
  }

  private enum Outcome {
    case scores([Score])
    case passedOn(Pending)
  }

  /// This stage's part of the work on a batch.
  private func run(_ batch: ScoringBatch, choosing: Bool) -> Outcome {
    let boundary = StageBoundary(
      rank, model.part.axis, scatters: true, chunks: 1, tokens: batch.microbatch.tokens,
      width: model.config.width, on: model.device)
    // Messages between two stages arrive in the order sent: they need no numbers.
    let input =
      boundary.isEnd(.backward, chunk: 0) ? nil : boundary.receive(.forward, microbatch: 0, chunk: 0)
    let hidden = model.hidden(chunk: 0, input, batch.microbatch)
    guard let head = model.head as? LanguageModelHead else {
      return .passedOn(boundary.send(hidden, .forward, microbatch: 0, chunk: 0))
    }
    if choosing {
      let (losses, best) = head.lossesAndBest(hidden, batch.targets, batch.microbatch)
      return .scores(batch.scores(losses: losses.floats, best: best))
    }
    let losses = head.losses(hidden, batch.targets, batch.microbatch).tokens?.floats ?? []
    return .scores(batch.scores(losses: losses, best: nil))
  }

  /// What every data-parallel rank found, in the windows' order, on all ranks.
  private func exchange(_ own: [Score], _ plan: ScoringPlan, count: Int) -> [Score] {
    let mesh = rank.mesh
    let shares = (0..<mesh.data).map { share in
      stride(from: share, to: plan.batches.count, by: mesh.data).flatMap { plan.batches[$0] }
    }
    // The same number from everybody; nothing from stages without the head.
    var numbers: [Double] = []
    for score in own { numbers += [score.logLikelihood, score.isGreedy ? 1 : 0] }
    let most = shares.map(\.count).max() ?? 0
    numbers += [Double](repeating: 0, count: 2 * most - numbers.count)
    let all = rank.world.gather(numbers, on: model.device)
    // A window that scores nothing costs nothing, and is right.
    var scores = [Score](repeating: Score(logLikelihood: 0, isGreedy: true), count: count)
    for (share, windows) in shares.enumerated() {
      let from = all[mesh.rank(at: .init(tensor: 0, pipeline: mesh.pipeline - 1, data: share))]
      for (place, window) in windows.enumerated() {
        scores[window] = Score(logLikelihood: from[2 * place], isGreedy: from[2 * place + 1] == 1)
      }
    }
    return scores
  }
}
