import ArgumentParser
import Corpus
import Models
import Recipes
import Training

extension TaskKind: ExpressibleByArgument {}

struct FinetuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Teach a pretrained BERT to answer questions: RACE, MNLI or QQP.",
    discussion: """
      needletail finetune runs/bert/model --task mnli --data MNLI/train.tsv --validation MNLI/dev_matched.tsv \\
        --output runs/mnli
      needletail finetune runs/bert/model --task race --data RACE/train/middle --data RACE/train/high \\
        --validation RACE/dev/middle --output runs/race --ranks 2

      The pretraining heads make room for a classifier. Batch, rates and epochs are those of Megatron-LM's scripts; --set
      changes any of them. After each epoch the validation questions are answered. The run's directory is a training
      run's: `--resume` goes on with it, and `RUN/recipe.yaml` says all that was set.
      """)

  @Argument(help: "A pretrained encoder: a model's directory, a finished run's, or one of Hugging Face.")
  var model: String

  @Option(help: "race (which of four answers), mnli (entailment), qqp (same question).")
  var task: TaskKind

  @Option(
    parsing: .upToNextOption,
    help: "Questions to learn from: files of GLUE (.tsv), folders of RACE, perhaps compressed.",
    completion: .file())
  var data: [String]

  @Option(parsing: .upToNextOption, help: "Questions to be judged by.", completion: .file())
  var validation: [String] = []

  @Option(help: "The run's directory.")
  var output: String

  @Option(help: "Times over the questions; by default 3 for RACE and 5 for the others.")
  var epochs: Int?

  @Option(help: "The tokenizer, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Overrides one value, as in --set schedule.learning_rate=2e-5. May be repeated.",
      valueName: "path=value"))
  var overrides: [String] = []

  @OptionGroup var launch: RunOptions

  func run() throws { try launch.train(config()) }

  /// The whole run that the arguments come to.
  private func config() throws -> RunConfig {
    if let epochs, !(1...10_000).contains(epochs) {
      throw ValidationError("--epochs must lie in 1 ... 10000, got \(epochs)")
    }
    // A run's directory has its model below.
    let model = ModelDirectory.exists(model) ? model : RunDirectory(model).model
    let pretrained = try ModelDirectory(model).config
    guard pretrained.kind == .encoder else {
      throw ValidationError("\(model) is a decoder; finetune teaches an encoder (model.kind encoder, BERT)")
    }
    var questions = TaskConfig()
    questions.kind = task
    questions.training = data
    questions.validation = validation
    var config = RunConfig(finetuning: pretrained, for: questions)
    config.training.initialModel = model
    config.data.tokenizer = tokenizer ?? model
    config.checkpoint.directory = output
    let recipe = try Recipe(overrides: overrides)
    // The batch decides how many steps an epoch has, and the steps may themselves be overridden.
    config = try recipe.resolve(RunConfig.self, defaults: config)
    try config.validate()
    try config.setSteps(epochs: epochs)
    return try recipe.resolve(RunConfig.self, defaults: config)
  }
}
