import Schedules
import Telemetry

/// Pipeline schedules on four ranks beside their papers' formulas: time and live activations.
struct PipelineMeasurements {
  private let stages = 4
  private let steps = 5
  /// F = t and B + W = 2t; zero_bubble takes the latter apart.
  private let times = PassTimes(forward: 0.02, backward: 0.02, weights: 0.02)

  func run() throws {
    print(
      """
      Pipeline of \(stages) ranks. EMULATED COMPUTE: passes sleep, forward \(milliseconds(times.forward)) and backward \
      \(milliseconds(times.backward + times.weights)) a microbatch
      and stage (a chunk its share); ranks, schedules and messages (4 KiB) are the real ones. Medians of \(steps) steps.
      """)
    var time = Table([
      "microbatches", "schedule", "step, ms", "microbatches/s", "bubble", "formula", "", "gain over 1f1b",
      "formula",
    ])
    var memory = Table(
      ["microbatches", "schedule"] + (0..<stages).map { "stage \($0)" } + ["stage 0, whole-stage passes"])
    for microbatches in [4, 8, 16] {
      let plain = try measure(.oneForwardOneBackward, 1, microbatches)
      let others = try [
        measure(.interleaved, 2, microbatches), measure(.interleaved, 4, microbatches),
        measure(.zeroBubble, 1, microbatches), measure(.gpipe, 1, microbatches),
      ]
      for pipeline in [plain] + others {
        time.append(row: timeRow(pipeline, plain))
        memory.append(row: memoryRow(pipeline))
      }
    }
    print("\n\(time)\n")
    print(
      """
      Most live activations of a stage, in passes of a microbatch through one of its chunks, and in brackets the papers'
      bound; of zero_bubble together with what waits for its weight gradients. Last: stage 0's in passes of a whole stage.
      """)
    print("\n\(memory)")
  }

  private func measure(_ kind: Schedule.Kind, _ chunks: Int, _ microbatches: Int) throws -> EmulatedPipeline {
    try EmulatedPipeline(
      Schedule(kind, stages: stages, chunks: chunks, microbatches: microbatches), times, steps: steps)
  }

  private func timeRow(_ pipeline: EmulatedPipeline, _ plain: EmulatedPipeline) -> [String] {
    let schedule = pipeline.schedule
    let formula = schedule.bubbleFormula(times)
    let gain = pipeline.throughput / plain.throughput - 1
    let promised = (1 + plain.schedule.bubbleFormula(times)) / (1 + formula) - 1
    return [
      "\(schedule.microbatches)", name(schedule), Brief.fixed(pipeline.seconds * 1e3, 1),
      Brief.fixed(pipeline.throughput, 2), Brief.percent(pipeline.bubble), Brief.percent(formula),
      schedule.bubbleFormulaText(times),
    ] + (schedule == plain.schedule ? ["", ""] : [Brief.percent(gain), Brief.percent(promised)])
  }

  private func memoryRow(_ pipeline: EmulatedPipeline) -> [String] {
    let schedule = pipeline.schedule
    let cells = pipeline.peaks.enumerated().map { stage, peak in
      "\(peak) (\(schedule.liveActivationBound(stage: stage).together))"
    }
    let whole = Double(pipeline.peaks[0]) / Double(schedule.chunks)
    return ["\(schedule.microbatches)", name(schedule)] + cells + [Brief.fixed(whole, 2)]
  }

  private func name(_ schedule: Schedule) -> String {
    schedule.kind.rawValue + (schedule.chunks > 1 ? ", v = \(schedule.chunks)" : "")
  }

  private func milliseconds(_ seconds: Double) -> String { Brief.fixed(seconds * 1e3, 0) + " ms" }
}
