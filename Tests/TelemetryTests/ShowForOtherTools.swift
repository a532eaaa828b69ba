import Foundation
import Testing

@testable import Telemetry

/// Files to open with other tools, and prices: set NEEDLETAIL_SHOW to a folder.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["NEEDLETAIL_SHOW"] != nil))
struct ShowForOtherTools {
  let folder = ProcessInfo.processInfo.environment["NEEDLETAIL_SHOW"] ?? ""

  @Test("curves to look at") func curves() throws {
    try LossCurveTests.curve(2000).write(folder + "/linear.svg")
    try LossCurveTests.curve(20_000, isLogarithmic: true).write(folder + "/logarithmic.svg")
  }

  @Test("event files for Fixtures/read_tensorboard.py") func eventFiles() throws {
    let board = try TensorBoardFile(folder)
    for step in 1...6 { try board.write(step: step, [Scalar("train/loss", 1 / Double(step))]) }
    sleep(1)
    let resumed = try TensorBoardFile(folder, resumingAfter: 3)
    try resumed.write(
      StepMetrics(step: 4, loss: 9, gradientNorm: 1, learningRate: 3e-4, tokens: 10, seconds: 2))
  }

  @Test("a progress line on this terminal") func progress() {
    let line = ProgressLine("train", total: 50, unit: "step")
    for step in 1...50 {
      line.update(step, [.loss(1 / Double(step)), .learningRate(3e-4), .tokensPerSecond(12_345)])
      usleep(10_000)
    }
    line.finish([.loss(0.02)])
  }

  @Test("what recording costs") func prices() throws {
    let timeline = Timeline(folder + "/trace.json")
    let metrics = try MetricsFile(folder + "/metrics.jsonl")
    let clock = ContinuousClock()
    let off = clock.measure { for _ in 0..<1_000_000 { Timeline.off.measure("a", "b") {} } }
    let on = clock.measure { for _ in 0..<200_000 { timeline.measure("a", "b", index: 1) {} } }
    let lines = try clock.measure {
      for step in 1...10_000 {
        try metrics.write(
          StepMetrics(
            step: step, loss: 1 / Double(step), gradientNorm: 1, learningRate: 3e-4, tokens: 10, seconds: 2))
      }
    }
    try timeline.finish()
    print("a span: \(off / 1_000_000) off, \(on / 200_000) on; a line of metrics: \(lines / 10_000)")
  }
}
