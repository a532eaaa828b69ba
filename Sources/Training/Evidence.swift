import Files
import FoundationEssentials
import Models
import Optimizers
import Tensors

/// What a run leaves behind when its loss or gradients stop being finite: enough to see what happened.
struct Evidence: Codable {
  /// The update that failed, counted from 1.
  let step: Int
  /// As text: JSON has no NaN.
  let loss: String
  let gradientNorm: String
  let learningRate: Double
  /// The samples it read, in the run's order.
  let firstSample: Int
  let sampleCount: Int
  let parametersWithBadValues: [String]
  let parametersWithBadGradients: [String]

  init(_ outcome: TrainStep.Outcome, of step: TrainStep) {
    let store = step.model.store
    let ranges = store.parts.map { ParameterRange($0.part.name, $0.range) }
    self.step = step.position.step + 1
    loss = "\(outcome.loss)"
    gradientNorm = "\(outcome.gradientNorm.value)"
    learningRate = outcome.learningRate
    firstSample = outcome.samples.lowerBound
    sampleCount = outcome.samples.count
    parametersWithBadValues = GradientNorm.nonFinite(in: store.values, of: ranges)
    parametersWithBadGradients = GradientNorm.nonFinite(in: store.gradients, of: ranges)
  }

  /// Writes the evidence beside the run's checkpoints and says in a sentence what it shows.
  func write(to directory: RunDirectory, rank: Int) throws -> TrainingFailure {
    let path = "\(directory.path)/failed-step-\(step)\(rank == 0 ? "" : ".rank-\(rank)").json"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let file = try AtomicFile(path)
    try file.write(Array(try encoder.encode(self)))
    try file.commit()
    let place =
      parametersWithBadValues.isEmpty
      ? Self.list("gradients", parametersWithBadGradients) : Self.list("values", parametersWithBadValues)
    return TrainingFailure(
      "training stopped at step \(step): the loss is \(loss) and the gradient norm \(gradientNorm)\(place). "
        + "Nothing of this step was applied; the evidence is in \(path). A lower schedule.learning_rate, a "
        + "longer schedule.warmup_steps or a smaller optimizer.clip may help; --resume goes on from the "
        + "newest checkpoint")
  }

  private static func list(_ what: String, _ names: [String]) -> String {
    guard let first = names.first else { return "" }
    let more = names.count > 1 ? " and \(names.count - 1) more" : ""
    return " (\(what) that are not finite: \(first)\(more))"
  }
}
