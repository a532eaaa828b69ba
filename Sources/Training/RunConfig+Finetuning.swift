import Corpus
import Models

extension RunConfig {
  /// How a pretrained encoder of shape `pretrained` is finetuned for `task`, as Megatron-LM's scripts do on eight
  /// devices (`examples/finetune_race_distributed.sh`, `finetune_mnli_distributed.sh`; QQP as MNLI). The number of
  /// steps is set when the number of questions is known (`setSteps`).
  package init(finetuning pretrained: Transformer.Config, for task: TaskConfig) {
    self.init()
    let habits = Habits(task.kind)
    model = pretrained
    model.classes = task.kind.classes
    model.choices = task.kind.choices
    model.dropout = 0.1
    data.task = task
    training.sequenceLength = min(512, pretrained.context)
    training.globalBatch = habits.batch
    training.microbatch = min(habits.batch, 8)
    optimizer.beta2 = 0.999
    optimizer.weightDecay = 0.1
    optimizer.clip = 1
    schedule.kind = .linear
    schedule.learningRate = habits.learningRate
    schedule.minimumLearningRate = 0
    checkpoint.interval = 0
  }

  /// Makes the run go `epochs` times (as the scripts do, where nil) over its questions, and judge itself after each.
  package mutating func setSteps(epochs: Int?) throws {
    guard let task = data.task else { return }
    let habits = Habits(task.kind)
    let tokenizer = try data.tokenizer.map { try TokenizerDirectory($0) }
    let questions = try TaskData(self, task, tokenizer)
    guard questions.count >= training.globalBatch else {
      throw TrainingFailure(
        "\(questions.count) questions do not fill a batch of \(training.globalBatch): set training.global_batch, and "
          + "training.microbatch with it, to at most \(questions.count)")
    }
    training.steps = max(1, (epochs ?? habits.epochs) * questions.count / training.globalBatch)
    training.evaluationInterval = questions.heldOut == nil ? 0 : questions.count / training.globalBatch
    training.evaluationSequences = questions.heldOut?.samples.count ?? 1
    schedule.warmupSteps = Int(habits.warmup * Double(training.steps))
  }

  /// What the scripts do for a task.
  private struct Habits {
    var epochs: Int
    var batch: Int
    var learningRate: Double
    /// The share of the steps in which the rate rises.
    var warmup: Double

    init(_ task: TaskKind) {
      switch task {
      case .race: self.init(epochs: 3, batch: 32, learningRate: 1e-5, warmup: 0.06)
      case .mnli, .qqp: self.init(epochs: 5, batch: 64, learningRate: 5e-5, warmup: 0.065)
      }
    }

    init(epochs: Int, batch: Int, learningRate: Double, warmup: Double) {
      self.epochs = epochs
      self.batch = batch
      self.learningRate = learningRate
      self.warmup = warmup
    }
  }
}
