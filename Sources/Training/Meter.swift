import Collectives
import Models
import Telemetry
import Tensors

/// Follows a run's speed and shows it: rate, time left, loss, and how much of the machine is used.
final class Meter {
  /// On rank 0.
  private let line: ProgressLine?
  private let flopsPerToken: Double
  /// FLOP/s that the processors' multiply-add units can do on the threads of all ranks at once, measured at the
  /// start.
  let peak: Double
  private var pace = Pace()
  private var tokens = 0
  /// Time of the updates.
  private(set) var busy: Duration = .zero

  init(_ config: RunConfig, model: Transformer, _ rank: Rank, done: Int) {
    rank.world.barrier(on: model.device)
    peak = rank.world.sum([model.device.measurePeak(), 0, 0, 0], on: model.device)[0]
    flopsPerToken = model.config.modelFLOPs(
      perTokenOfLength: config.sequenceLength, predicted: config.predictedShare)
    line =
      rank.isFirst ? ProgressLine("train", total: config.training.steps, unit: "step", done: done) : nil
  }

  /// Tokens a second over all steps of this process.
  var tokensPerSecond: Double { busy > .zero ? Double(tokens) / busy.seconds : 0 }

  /// Model FLOPs a second over the peak; the convention is `modelFLOPs`'s.
  var utilisation: Double { tokensPerSecond * flopsPerToken / peak }

  func update(_ outcome: TrainStep.Outcome, step: Int, duration: Duration) {
    tokens += outcome.tokens
    busy += duration
    pace.add(outcome.tokens, in: duration)
    let rate = pace.rate ?? tokensPerSecond
    line?.update(
      step,
      [
        .loss(outcome.loss), .gradientNorm(outcome.gradientNorm.value), .learningRate(outcome.learningRate),
        .tokensPerSecond(rate),
        .utilisation(rate * flopsPerToken / peak, convention: "no recompute, full s², of measured FMA peak"),
      ])
  }

  func finish() { line?.finish() }
}
