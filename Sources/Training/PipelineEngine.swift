import Collectives
import Layers
import Models
import Schedules
import Telemetry
import Tensors

/// Executes a stage's actions: forward, backward, weights, and the messages around them. One stage is a pipeline too.
package final class PipelineEngine {
  /// A microbatch with what is to be predicted.
  package struct Feed {
    package var microbatch: Microbatch
    /// On the stages that read the data.
    package let targets: Targets?
  }

  /// The losses of microbatches, added up; all 0 but on the stage with the head.
  struct LossSums {
    var tokens = 0.0
    var labels = 0.0
    var correctLabels = 0

    static func += (sums: inout LossSums, losses: Losses) {
      sums.tokens += losses.tokens?.sum ?? 0
      sums.labels += losses.labels?.sum ?? 0
      sums.correctLabels += losses.correctLabels
    }
  }

  /// Where a microbatch stands in one of the stage's chunks.
  private struct Slot {
    var saved: Transformer.Saved?
    var dHidden: Tensor?
    var weights: WeightGradients?
  }

  private let model: Transformer
  private let rank: Rank
  private let kind: Schedule.Kind
  private let boundary: StageBoundary
  private let timeline: Timeline
  /// Of the last step; steps differ where the batch grows.
  private var schedule: Schedule?
  private var actions: [Action] = []
  private var slots: [Slot] = []
  private var feeds: [Feed?] = []

  init(
    _ model: Transformer, _ rank: Rank, _ kind: Schedule.Kind, _ boundary: StageBoundary, timeline: Timeline
  ) {
    self.model = model
    self.rank = rank
    self.kind = kind
    self.boundary = boundary
    self.timeline = timeline
  }

  private var chunks: Int { model.chunks.count }

  /// Forward and backward of `count` microbatches. Gradients of Σ weight · loss are accumulated.
  ///
  /// - Parameters:
  ///   - completed: called as the last microbatch goes back, with the place in the arena of gradients from which on
  ///     the matrices' are complete.
  ///   - feed: reads a microbatch.
  func run(
    microbatches count: Int, weights: LossWeights, completed: (Int) -> Void, _ feed: (Int) -> Feed
  ) -> LossSums {
    let schedule = prepare(count)
    var sums = LossSums()
    for action in actions {
      switch action {
      case .forward(let microbatch, let chunk):
        if feeds[microbatch] == nil { feeds[microbatch] = feed(microbatch) }
        rank.status.note("forward of microbatch", microbatch)
        if let losses = forward(microbatch, chunk, weights) { sums += losses }
      case .backward(let microbatch, let chunk):
        rank.status.note("backward of microbatch", microbatch)
        let isLast = microbatch == count - 1 && !schedule.splitsBackward
        backward(microbatch, chunk) { if isLast { completed($0) } }
        if chunk == 0, !schedule.splitsBackward { feeds[microbatch] = nil }
      case .weights(let microbatch, let chunk):
        rank.status.note("weight gradients of microbatch", microbatch)
        timeline.measure("weights", "compute", rank: rank.index, index: microbatch) {
          slots[microbatch * chunks + chunk].weights?.flush()
        }
        if chunk == 0 { feeds[microbatch] = nil }
      }
    }
    return sums
  }

  private func prepare(_ count: Int) -> Schedule {
    if let schedule, schedule.microbatches == count { return schedule }
    let schedule = Schedule(kind, stages: rank.mesh.pipeline, chunks: chunks, microbatches: count)
    self.schedule = schedule
    actions = schedule.actions(stage: rank.place.pipeline)
    slots = (0..<count * chunks).map { _ in
      Slot(weights: schedule.splitsBackward ? WeightGradients(isDeferring: true) : nil)
    }
    feeds = [Feed?](repeating: nil, count: count)
    return schedule
  }

  /// The losses, where the chunk ends with the head.
  private func forward(_ index: Int, _ chunk: Int, _ weights: LossWeights) -> Losses? {
    guard let feed = feeds[index] else { preconditionFailure("microbatch \(index) was not read") }
    let slot = index * chunks + chunk
    var microbatch = feed.microbatch
    if let deferred = slots[slot].weights { microbatch.weightGradients = deferred }
    let input = receive(.forward, index, chunk)
    return timeline.measure("forward", "compute", rank: rank.index, index: index) {
      let (hidden, saved) = model.forward(chunk: chunk, input, microbatch)
      slots[slot].saved = saved
      guard boundary.isEnd(.forward, chunk: chunk), let head = model.head, let targets = feed.targets else {
        boundary.send(hidden, .forward, microbatch: index, chunk: chunk)
        return nil
      }
      let (losses, dHidden) = head.lossesAndGradient(
        hidden, targets, weights: weights, microbatch)
      slots[slot].dHidden = dHidden
      return losses
    }
  }

  private func backward(_ index: Int, _ chunk: Int, completed: (Int) -> Void) {
    let slot = index * chunks + chunk
    let dHidden = slots[slot].dHidden.take() ?? receive(.backward, index, chunk)
    guard var microbatch = feeds[index]?.microbatch, let dHidden else {
      preconditionFailure("the way back of microbatch \(index) comes before its forward")
    }
    if let weights = slots[slot].weights { microbatch.weightGradients = weights }
    timeline.measure("backward", "compute", rank: rank.index, index: index) {
      // Taken here: a second holder would make the list of blocks be copied.
      guard let saved = slots[slot].saved.take() else {
        preconditionFailure("the way back of microbatch \(index) comes twice")
      }
      let dx = model.backward(chunk: chunk, dHidden, saved, microbatch, completed: completed)
      if let dx { boundary.send(dx, .backward, microbatch: index, chunk: chunk) }
    }
  }

  /// What the piece before sends; nil where there is none.
  private func receive(_ direction: StageBoundary.Direction, _ index: Int, _ chunk: Int) -> Tensor? {
    // The piece before, seen in the direction of travel, is the end of the other direction.
    guard !boundary.isEnd(direction == .forward ? .backward : .forward, chunk: chunk) else { return nil }
    return timeline.measure("receive", "communication", rank: rank.index, index: index) {
      boundary.receive(direction, microbatch: index, chunk: chunk)
    }
  }

  /// The losses of `count` microbatches, nothing kept.
  func losses(microbatches count: Int, _ feed: (Int) -> Feed) -> LossSums {
    var sums = LossSums()
    for chunk in model.chunks.indices {
      for index in 0..<count {
        let feed = feed(index)
        let hidden = model.hidden(chunk: chunk, receive(.forward, index, chunk), feed.microbatch)
        if boundary.isEnd(.forward, chunk: chunk), let head = model.head, let targets = feed.targets {
          sums += head.losses(hidden, targets, feed.microbatch)
        } else {
          boundary.send(hidden, .forward, microbatch: index, chunk: chunk)
        }
      }
    }
    return sums
  }
}
