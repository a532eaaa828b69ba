import Files
import FoundationEssentials
import Telemetry

/// What a run writes down of its steps: metrics, TensorBoard scalars, and the loss curve at the end.
final class RunRecords {
  private let metrics: MetricsFile
  private let tensorboard: TensorBoardFile?
  private var train: [LossCurve.Point] = []
  private var heldOut: [LossCurve.Point] = []

  /// Opens the metrics file and, in the directory given, TensorBoard's; `step`: the last one that a resumed
  /// run keeps, whose curve goes on.
  init(metrics path: String, tensorboard directory: String?, resumingAfter step: Int?) throws {
    metrics = try MetricsFile(path, resumingAfter: step)
    if let directory { try Folder.create(directory) }
    tensorboard = try directory.map { try TensorBoardFile($0, resumingAfter: step) }
    if step != nil { try takeUp(path) }
  }

  /// The points of the steps before a resumption, so that the curve is the run's and not this process's.
  private func takeUp(_ path: String) throws {
    struct Line: Decodable {
      let step: Int
      let loss: Double?
      let heldOutLoss: Double?

      enum CodingKeys: String, CodingKey {
        case step, loss
        case heldOutLoss = "held_out_loss"
      }
    }
    let decoder = JSONDecoder()
    for bytes in try MappedFile(path).contents.split(separator: UInt8(ascii: "\n")) {
      // The file may be another program's by now: what is not a line of metrics is not a point.
      guard let line = try? decoder.decode(Line.self, from: Data(bytes)) else { continue }
      if let loss = line.loss { train.append(LossCurve.Point(step: line.step, loss: loss)) }
      if let loss = line.heldOutLoss { heldOut.append(LossCurve.Point(step: line.step, loss: loss)) }
    }
  }

  var losses: [Double] { train.map(\.loss) }

  /// - Parameter heldOut: what was measured after this step on samples held out, if anything was.
  func write(_ outcome: TrainStep.Outcome, step: Int, duration: Duration, heldOut: MeanLosses?) throws {
    let extras =
      outcome.losses.scalars(prefix: "")
      + (heldOut.map { [Scalar("held_out_loss", $0.total)] + $0.scalars(prefix: "held_out_") } ?? [])
    let line = StepMetrics(
      step: step, loss: outcome.loss, gradientNorm: outcome.gradientNorm.value,
      learningRate: outcome.learningRate, tokens: outcome.tokens, seconds: duration.seconds, extras: extras)
    try metrics.write(line)
    try tensorboard?.write(line)
    train.append(LossCurve.Point(step: step, loss: outcome.loss))
    if let heldOut { self.heldOut.append(LossCurve.Point(step: step, loss: heldOut.total)) }
  }

  func drawCurve(to path: String, title: String) throws {
    guard !train.isEmpty else { return }
    try LossCurve(title: title, train: train, heldOut: heldOut).write(path)
  }
}
