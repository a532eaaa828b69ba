import Files
import Telemetry

/// What a run writes down of its steps: metrics, TensorBoard scalars, and the loss curve at the end.
final class RunRecords {
  private let metrics: MetricsFile
  private let tensorboard: TensorBoardFile?
  private var train: [LossCurve.Point] = []
  private var heldOut: [LossCurve.Point] = []

  /// Opens the files; `step`: the last one that a resumed run keeps.
  init(_ directory: RunDirectory, metrics path: String?, tensorboard: Bool, resumingAfter step: Int?) throws {
    metrics = try MetricsFile(path ?? directory.metrics, resumingAfter: step)
    guard tensorboard else {
      self.tensorboard = nil
      return
    }
    try Folder.create(directory.tensorboard)
    self.tensorboard = try TensorBoardFile(directory.tensorboard, resumingAfter: step)
  }

  var losses: [Double] { train.map(\.loss) }

  func write(_ outcome: TrainStep.Outcome, step: Int, duration: Duration, extras: [Scalar]) throws {
    let line = StepMetrics(
      step: step, loss: outcome.loss, gradientNorm: outcome.gradientNorm.value,
      learningRate: outcome.learningRate, tokens: outcome.tokens, seconds: duration.seconds, extras: extras)
    try metrics.write(line)
    try tensorboard?.write(line)
    train.append(LossCurve.Point(step: step, loss: outcome.loss))
    for extra in extras { heldOut.append(LossCurve.Point(step: step, loss: extra.value)) }
  }

  func drawCurve(to path: String, title: String) throws {
    guard !train.isEmpty else { return }
    try LossCurve(title: title, train: train, heldOut: heldOut).write(path)
  }
}
