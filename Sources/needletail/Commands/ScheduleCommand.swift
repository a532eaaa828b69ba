import ArgumentParser
import FoundationEssentials
import Planning
import Schedules
import Telemetry

extension Schedule.Kind: ExpressibleByArgument {}

struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Draw a pipeline schedule, with its bubble and its memory beside the papers' formulas.",
    discussion: """
      needletail schedule --stages 4 --microbatches 8 --draw schedule.svg
      needletail schedule --stages 4 --microbatches 8 --interleave 2
      needletail schedule --stages 4 --microbatches 8 --kind zero_bubble

      The kinds, of p stages, v model chunks a stage and m microbatches:
        gpipe        all forward, then all backward: bubble (p − 1)/m, and m
                     live activations
        1f1b         the same bubble, at most p live activations
        interleaved  a stage holds v short runs of layers, not a long one:
                     bubble (p − 1)/(v·m), v times the transfers and a few
                     more live activations
        zero_bubble  ZB-H1: weight gradients apart, where stages were idle;
                     with equal times a third of 1f1b's bubble, and no more
                     live activations
      The bubble is idle time over working time. The drawing is a simulation
      of the very list of actions that training executes.
      """)

  @Option(help: "Pipeline stages, p.")
  var stages: Int

  @Option(help: "Microbatches of a step, m.")
  var microbatches: Int

  @Option(help: "The schedule; by default 1f1b, or interleaved where --interleave is more than 1.")
  var kind: Schedule.Kind?

  @Option(help: ArgumentHelp("Model chunks of each stage, v.", valueName: "chunks"))
  var interleave = 1

  @Option(help: ArgumentHelp("Time of a stage's forward pass; a chunk's is its share.", valueName: "time"))
  var forward = 1.0

  @Option(help: ArgumentHelp("Time of the gradient of its input.", valueName: "time"))
  var backward = 1.0

  @Option(
    help: ArgumentHelp(
      "Time of the gradients of its weights, a part of backward except in zero_bubble.", valueName: "time"))
  var weights = 1.0

  @Option(
    help: ArgumentHelp(
      "Time from the end of a pass until the next stage has what it sends.", valueName: "time"))
  var transfer = 0.0

  @Option(help: ArgumentHelp("Write the drawing to this SVG file.", valueName: "file"), completion: .file())
  var draw: String?

  private static let mostPasses = 100_000

  func validate() throws {
    let kind = kind ?? (interleave > 1 ? .interleaved : .oneForwardOneBackward)
    if let problem = Schedule.problem(
      kind: kind, stages: stages, chunks: interleave, microbatches: microbatches)
    {
      throw ValidationError(problem)
    }
    let product = [stages, interleave, microbatches].reduce(1.0) { $0 * Double($1) }
    guard product <= Double(Self.mostPasses) else {
      throw ValidationError(
        "\(stages) stages × \(interleave) chunks × \(microbatches) microbatches: a drawing has at most "
          + "\(Self.mostPasses) forward passes")
    }
    for (name, time) in [("forward", forward), ("backward", backward), ("weights", weights)]
    where !(time >= 1e-6 && time <= 1e6) {
      throw ValidationError("--\(name) must lie in 0.000001 ... 1000000, got \(time)")
    }
    guard transfer >= 0 && transfer <= 1e6 else {
      throw ValidationError("--transfer must lie in 0 ... 1000000, got \(transfer)")
    }
  }

  func run() throws {
    let schedule = Schedule(
      kind ?? (interleave > 1 ? .interleaved : .oneForwardOneBackward), stages: stages, chunks: interleave,
      microbatches: microbatches)
    let times = PassTimes(forward: forward, backward: backward, weights: weights)
    let timeline = try ScheduleTimeline(schedule, times, transfer: transfer)
    let drawing = PipelineDrawing(
      title: "\(schedule.kind.rawValue): \(schedule.stages) stages"
        + (schedule.chunks > 1 ? " of \(schedule.chunks) chunks" : "")
        + ", \(schedule.microbatches) microbatches",
      subtitle: "bubble \(Brief.percent(timeline.bubble)) of the working time", timeline)
    if let draw { try drawing.write(draw) }
    print(drawing.title + "\n")
    print(Self.picture(drawing) + "\n")
    print("\(Self.summary(schedule, times, timeline, hasTransfers: transfer > 0))\n")
    print(Self.stages(schedule, timeline))
    if let draw { print("\n\(draw): the drawing") }
  }

  /// In colour on a terminal, without NO_COLOR; a file or pipe gets a line printer's 132 columns.
  private static func picture(_ drawing: PipelineDrawing) -> String {
    let terminal = Terminal.standardOutput
    let wantsColor = ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
    return drawing.text(
      columns: terminal.isInteractive ? terminal.columns : 132,
      isColored: terminal.isInteractive && wantsColor)
      ?? "The picture is too wide for here: --draw schedule.svg draws it."
  }

  private static func summary(
    _ schedule: Schedule, _ times: PassTimes, _ timeline: ScheduleTimeline, hasTransfers: Bool
  ) -> Table {
    Table(rows: [
      ["bubble", Brief.percent(timeline.bubble)],
      [
        "formula",
        "\(schedule.bubbleFormulaText(times)) = \(Brief.percent(schedule.bubbleFormula(times)))"
          + (hasTransfers ? " without transfers" : ""),
      ],
      [
        "makespan",
        "\(Brief.count(timeline.makespan)), of which a stage works \(Brief.count(timeline.busy(stage: 0)))",
      ],
    ])
  }

  private static func stages(_ schedule: Schedule, _ timeline: ScheduleTimeline) -> Table {
    let splits = schedule.splitsBackward
    var table = Table(
      ["stage", "idle", "live activations"] + (splits ? ["held for weights", "together"] : []))
    for stage in 0..<schedule.stages {
      let peak = schedule.peakLiveActivations(stage: stage)
      let held = splits ? [peak.weights, peak.together] : []
      table.append(
        row: ["\(stage)", Brief.count(timeline.idle(stage: stage)), "\(peak.activations)"]
          + held.map { "\($0)" })
    }
    return table
  }
}
