import ArgumentParser
import Recipes
import Telemetry
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model as a recipe says.",
    discussion: """
      needletail train Recipes/demo.yaml --set data.prefix=corpus/book --set training.steps=500
      needletail train Recipes/demo.yaml --resume      goes on, bit for bit, where the run was stopped

      The run's directory (checkpoint.directory) holds the resolved recipe, checkpoints, metrics.jsonl, the
      loss curve and, at the end, the model. Ctrl-C writes a checkpoint and stops.
      """)

  @OptionGroup var options: RecipeOptions

  @Flag(help: "Go on from the newest checkpoint in the run's directory.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Where the metrics go, one JSON object a step; by default metrics.jsonl in the run's directory.",
      valueName: "file"))
  var metrics: String?

  @Flag(help: "Print where the time of the updates after the first two goes.")
  var profile = false

  func run() throws {
    let config = try options.resolve()
    let run = try TrainingRun(config, resuming: resume, metrics: metrics)
    announce(run)
    let interruption = Interruption()
    let summary = try run.train(isProfiled: profile, shouldStop: { interruption.isAsked })
    report(summary, of: run)
    if summary.isInterrupted { throw ExitCode(130) }
  }

  private func announce(_ run: TrainingRun) {
    let terminal = Terminal.standardError
    let config = run.config
    terminal.writeLine(
      "\(run.directory.path): \(Brief.count(run.model.store.parameterCount)) parameters, "
        + "\(Brief.count(run.data.tokenCount)) tokens of data, \(config.training.steps) steps of "
        + "\(config.training.globalBatch) × \(config.sequenceLength) tokens, \(run.model.device.threads) "
        + "threads (\(run.model.device.instructionSet))")
    for problem in run.passedOver { terminal.writeLine("passing over a damaged checkpoint: \(problem)") }
    if let checkpoint = run.resumedFrom {
      let isDone = checkpoint.step >= config.training.steps
      terminal.writeLine(
        "resumed from \(checkpoint.path)"
          + (isDone ? ": all steps are done; raise training.steps to train on" : ""))
    } else if resume {
      terminal.writeLine("no checkpoint in \(run.directory.path) yet: starting from the beginning")
    }
    if run.data.heldOut == nil, config.training.evaluationInterval > 0 {
      terminal.writeLine(
        "data.split \(config.data.split) holds out less than one sequence: no held-out loss will be measured")
    }
  }

  private func report(_ summary: TrainingRun.Summary, of run: TrainingRun) {
    var table = Table(rows: [
      ["parameters", Brief.count(summary.parameters)],
      ["steps", "\(summary.position.step)"],
      ["tokens", Brief.count(summary.position.consumedTokens)],
    ])
    if let loss = summary.lastLoss { table.append("training loss", Brief.fixed(loss, 4)) }
    if let loss = summary.heldOutLoss {
      table.append("held-out loss", "\(Brief.fixed(loss, 4)) (perplexity \(Brief.fixed(exp(loss), 2)))")
    }
    if let bits = summary.heldOutBitsPerByte {
      table.append("held-out bits per byte", "\(Brief.fixed(bits, 3)) (by the data's mean bytes per token)")
    }
    table.append("time", Brief.duration(summary.duration))
    table.append("speed", "\(Brief.count(summary.tokensPerSecond)) tokens/s")
    table.append(
      "utilisation",
      "\(Brief.percent(summary.utilisation)) (model FLOPs, no recompute, full s², of the measured FMA peak)")
    table.append("peak memory", Bytes(summary.peakMemory).description)
    if !summary.isInterrupted { table.append("model", run.directory.model) }
    table.append("loss curve", run.directory.lossCurve)
    print(table)
    print("loss \(Sparkline.text(summary.losses))")
    if profile {
      print(summary.profile.map { "\n\($0)" } ?? "a profile begins after two updates: there was none")
    }
    if summary.isInterrupted {
      print("stopped after step \(summary.position.step); the same command with --resume goes on")
    }
  }
}
