import ArgumentParser
import Collectives
import Models
import Planning
import Recipes
import Telemetry
import Training

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a run is carried out: what `train` and `finetune` share.
struct RunOptions: ParsableArguments {
  @Flag(help: "Go on from the newest checkpoint in the run's directory.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Where the metrics go, one JSON object a step; by default metrics.jsonl in the run's directory.",
      valueName: "file"))
  var metrics: String?

  @Option(help: "Ranks, as threads of this process. Under mpirun or srun: what those started.")
  var ranks: Int?

  @Option(
    help: ArgumentHelp(
      "What ranks talk over: local (threads of this process), mpi (processes), or automatic.",
      valueName: "carrier"))
  var carrier = RankLaunch.Carrier.automatic

  @Option(
    help: ArgumentHelp(
      "Where to write what every rank did when, for ui.perfetto.dev; under MPI, one file a rank.",
      valueName: "file"))
  var timeline: String?

  @Flag(help: "Print where the time of the updates after the first two goes.")
  var profile = false

  /// Carries out `config` on every rank, and reports.
  func train(_ config: RunConfig) throws {
    try config.validate()
    let limit = Duration.seconds(config.mesh.timeout)
    let launch = try RankLaunch(carrier, ranks: ranks, limit: limit)
    try config.validate(ranks: launch.count)
    let interruption = Interruption()
    let shared: Timeline? = timeline.map { Timeline(launch.ownPath($0)) }
    let summary = try launch.run(config.mesh(ranks: launch.count), limit: limit) { rank in
      let run = try TrainingRun(
        config, resuming: resume, metrics: metrics, rank: rank, timeline: shared,
        checkMemory: { try Planner.checkThisMachine($0, ranks: $1.mesh.rankCount, here: $1.neighbours) })
      if rank.isFirst { announce(run) }
      let summary = try run.train(isProfiled: profile, shouldStop: { interruption.isAsked })
      if rank.isFirst { report(summary, of: run) }
      return summary
    }
    try shared?.finish()
    // A scheduler that asks with SIGTERM has got what it asked for, and so has one that asked another rank.
    if summary.isInterrupted, interruption.isAsked, !interruption.isTermination { throw ExitCode(130) }
  }

  private func announce(_ run: TrainingRun) {
    let terminal = Terminal.standardError
    let config = run.config
    terminal.writeLine(
      "\(run.directory.path): \(Brief.count(config.model.parameterCount)) parameters, "
        + "\(Brief.count(run.data.tokenCount)) tokens of data, \(config.training.steps) steps of "
        + "\(config.training.globalBatch) × \(config.tokensPerSample) tokens, "
        + (run.rank.mesh.rankCount == 1 ? "" : "\(run.rank.mesh.rankCount) ranks (\(run.rank.mesh)) of ")
        + "\(run.model.device.threads) threads (\(run.model.device.instructionSet))")
    for problem in run.passedOver { terminal.writeLine("passing over a damaged checkpoint: \(problem)") }
    if let checkpoint = run.resumedFrom {
      let isDone = checkpoint.step >= config.training.steps
      terminal.writeLine(
        "resumed from \(checkpoint.path)"
          + (isDone ? ": all steps are done; raise training.steps to train on" : ""))
    } else if resume {
      terminal.writeLine("no checkpoint in \(run.directory.path) yet: starting from the beginning")
    }
    if run.data.droppedQuestions > 0 {
      terminal.writeLine("\(run.data.droppedQuestions) malformed rows of the task's files are left out")
    }
    if run.data.heldOut == nil, config.data.task == nil, config.training.evaluationInterval > 0 {
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
    for line in heldOutLines(summary.heldOut, of: run.config.model) { table.append(row: line) }
    if let bits = summary.heldOutBitsPerByte {
      table.append("held-out bits per byte", "\(Brief.fixed(bits, 3)) (by the data's mean bytes per token)")
    }
    table.append("time", Brief.duration(summary.duration))
    table.append("speed", "\(Brief.count(summary.tokensPerSecond)) tokens/s")
    table.append(
      "utilisation",
      "\(Brief.percent(summary.utilisation)) (model FLOPs, no recompute, full s², of the measured FMA peak)")
    if let exposed = summary.exposedCommunication {
      table.append("waiting for ranks", "\(Brief.percent(exposed)) of the updates' time on rank 0")
    }
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

  private func heldOutLines(_ losses: MeanLosses?, of model: Transformer.Config) -> [[String]] {
    guard let losses else { return [] }
    func perplexity(_ loss: Double) -> String {
      "\(Brief.fixed(loss, 4)) (perplexity \(Brief.fixed(exp(loss), 2)))"
    }
    guard model.kind == .encoder else { return [["held-out loss", perplexity(losses.total)]] }
    var lines: [[String]] = []
    if let tokens = losses.tokens { lines.append(["held-out masked tokens", perplexity(tokens)]) }
    if let labels = losses.labels, let accuracy = losses.accuracy {
      lines.append([
        model.classes > 0 ? "held-out questions" : "held-out sentence order",
        "\(Brief.percent(accuracy)) right, loss \(Brief.fixed(labels, 4))",
      ])
    }
    return lines
  }
}
