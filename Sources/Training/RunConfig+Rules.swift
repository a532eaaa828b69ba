import Corpus
import Optimizers
import Recipes
import Tensors

extension RunConfig {
  /// Throws every rule that the recipe breaks: a function a rule, each naming the fields, what was got and
  /// what would work.
  package func validate() throws(RecipeFailure) {
    try RecipeFailure.report(
      model.problems
        + [
          positiveCounts(), intervalsMakeSense(), microbatchDivides(), sequenceFits(), oneSource(),
          taskFits(), classifierHasTask(), maskingIsValid(),
          splitIsValid(), rampDivides(), recovery.problem, rollbackHasCheckpoints(),
          timeoutIsFinite(),
          Self.problem(in: "optimizer", optimizer.validate),
          Self.problem(in: "schedule", schedule.validate),
          Self.problem(in: "batch_ramp") { () throws(OptimizerFailure) in
            try batchRamp.validate(finalBatch: training.globalBatch)
          },
          Self.problem(in: "loss_scale", lossScale.validate),
        ])
  }

  /// What a section's own check says, under the name that the recipe gives the field.
  private static func problem(in section: String, _ check: () throws(OptimizerFailure) -> Void) -> String? {
    do throws(OptimizerFailure) {
      try check()
      return nil
    } catch {
      return "\(section).\(RecipeKey.snake(error.field)) \(error.reason)"
    }
  }

  private func positiveCounts() -> String? {
    if let threads = training.threads, !Device.threadCounts.contains(threads) {
      return "training.threads must lie in \(Device.threadCounts.lowerBound) ... "
        + "\(Device.threadCounts.upperBound), got \(threads)"
    }
    let counts = [
      ("steps", training.steps), ("global_batch", training.globalBatch), ("microbatch", training.microbatch),
      ("sequence_length", sequenceLength),
    ]
    guard let (name, value) = counts.first(where: { !(1...Self.largestCount).contains($0.1) }) else {
      return training.seed < 0 || training.seed > Int(UInt32.max)
        ? "training.seed must lie in 0 ... 4294967295, got \(training.seed)" : nil
    }
    return "training.\(name) must lie in 1 ... \(Self.largestCount), got \(value)"
  }

  /// Of each count, so that products of two do not overflow.
  private static let largestCount = 1 << 30

  private func intervalsMakeSense() -> String? {
    let counts = [
      ("training.evaluation_interval", training.evaluationInterval, 0),
      ("training.evaluation_sequences", training.evaluationSequences, 1),
      ("checkpoint.interval", checkpoint.interval, 0), ("checkpoint.keep.last", checkpoint.keep.last, 0),
      ("checkpoint.keep.every", checkpoint.keep.every, 0),
    ]
    guard let (name, value, least) = counts.first(where: { $0.1 < $0.2 }) else { return nil }
    return "\(name) must be at least \(least), got \(value)"
  }

  private func microbatchDivides() -> String? {
    guard positiveCounts() == nil, training.globalBatch % training.microbatch != 0 else { return nil }
    let fitting = (1...max(1, min(training.microbatch, training.globalBatch)))
      .last { training.globalBatch % $0 == 0 }
    return "training.global_batch \(training.globalBatch) is not a multiple of training.microbatch "
      + "\(training.microbatch): a microbatch of \(fitting ?? 1) would work"
  }

  private func sequenceFits() -> String? {
    sequenceLength <= model.context
      ? nil
      : "training.sequence_length \(sequenceLength) is longer than model.context \(model.context): "
        + "shorten the one or raise the other"
  }

  private func timeoutIsFinite() -> String? {
    mesh.timeout > 0 && mesh.timeout <= 1e9
      ? nil : "mesh.timeout must lie above 0 and at most at 1e9 seconds, got \(mesh.timeout)"
  }

  private func rollbackHasCheckpoints() -> String? {
    recovery.action == .rollback && checkpoint.interval == 0
      ? "recovery.action rollback needs checkpoints to return to: set checkpoint.interval" : nil
  }

  private func oneSource() -> String? {
    if data.prefix != nil, !data.blend.isEmpty {
      return "data.prefix and data.blend are both given: put everything into data.blend, or keep the prefix"
    }
    if let bad = data.blend.first(where: { !($0.weight > 0 && $0.weight.isFinite) || $0.prefix.isEmpty }) {
      return
        "data.blend wants a prefix and a positive weight in each entry, got prefix \"\(bad.prefix)\" and "
        + "weight \(bad.weight)"
    }
    return nil
  }

  private func taskFits() -> String? {
    guard let task = data.task else { return nil }
    if task.training.isEmpty { return "data.task.training names no file to learn from" }
    return model.kind == .encoder && model.classes == task.kind.classes && model.choices == task.kind.choices
      ? nil
      : "data.task.kind \(task.kind.rawValue) wants model.kind encoder, model.classes \(task.kind.classes) and "
        + "model.choices \(task.kind.choices), got \(model.kind.rawValue), \(model.classes) and \(model.choices): "
        + "`needletail finetune` sets them"
  }

  private func classifierHasTask() -> String? {
    model.classes > 0 && data.task == nil
      ? "model.classes \(model.classes) needs data.task, the questions to learn from: `needletail finetune` sets it"
      : nil
  }

  private func maskingIsValid() -> String? {
    do throws(CorpusFailure) {
      try data.masking.validate()
    } catch {
      return "data.masking: \(error)"
    }
    // [CLS] and two [SEP] are never hidden.
    let hidden = data.masking.maskingProbability * Double(sequenceLength - 3)
    return model.kind == .encoder && model.classes == 0 && hidden < 1
      ? "training.sequence_length \(sequenceLength) leaves no token to hide at data.masking.masking_probability "
        + "\(data.masking.maskingProbability): raise one of them"
      : nil
  }

  private func splitIsValid() -> String? {
    do throws(CorpusFailure) {
      _ = try DatasetSplit(data.split)
      return nil
    } catch {
      return "data.split: \(error.reason)"
    }
  }

  private func rampDivides() -> String? {
    guard batchRamp.samples > 0, training.microbatch > 0 else { return nil }
    guard batchRamp.start % training.microbatch != 0 || batchRamp.increment % training.microbatch != 0 else {
      return nil
    }
    return "batch_ramp.start \(batchRamp.start) and batch_ramp.increment \(batchRamp.increment) must be "
      + "multiples of training.microbatch \(training.microbatch)"
  }
}
