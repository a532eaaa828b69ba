import Checkpoints
import Foundation
import Testing

@testable import Training

/// A run that was stopped and resumed is the run that was not.
@Suite struct ResumeTests {
  /// What makes resuming harder.
  struct Variant: Sendable, CustomTestStringConvertible {
    var precision = Precision.f32
    var dropout = 0.0
    var hasRamp = false
    var optimizer = "adamw"

    var testDescription: String {
      "\(precision), dropout \(dropout), \(hasRamp ? "batch ramp" : "one batch size"), \(optimizer)"
    }

    static let all = [
      Variant(), Variant(dropout: 0.1, hasRamp: true), Variant(precision: .f16, dropout: 0.1),
      Variant(precision: .bf16, hasRamp: true), Variant(optimizer: "sgd"),
    ]

    func apply(to config: inout RunConfig) {
      config.training.precision = precision
      config.model.dropout = dropout
      if optimizer == "sgd" { config.optimizer.kind = .sgd }
      // Small enough to grow and to overflow within the run.
      config.lossScale.initial = 262_144
      config.lossScale.growthInterval = 3
      config.lossScale.hysteresis = 1
      if hasRamp {
        config.training.globalBatch = 6
        config.batchRamp.start = 2
        config.batchRamp.increment = 2
        config.batchRamp.samples = 20
      }
    }
  }

  func through(_ tiny: TinyRun, _ name: String, _ variant: Variant, threads: Int = 1) throws -> RunState {
    let run = try TrainingRun(
      tiny.config(name) {
        variant.apply(to: &$0)
        $0.training.threads = threads
      }, resuming: false)
    #expect(try !run.train().isInterrupted)
    return RunState(run.step)
  }

  @Test(
    "stopped at any step and resumed: same weights, optimizer, position and metrics", arguments: Variant.all)
  func resumes(variant: Variant) throws {
    let tiny = try TinyRun()
    let whole = try through(tiny, "whole", variant)
    for (index, stops) in [[1], [5, 6], [11]].enumerated() {
      let config = tiny.config("run\(index)", variant.apply)
      for (count, stop) in stops.enumerated() {
        let run = try TrainingRun(config, resuming: count > 0)
        #expect(try run.train(until: stop).isInterrupted)
        #expect(run.step.position.step == stop && !tiny.exists("run\(index)/model"))
      }
      let last = try TrainingRun(config, resuming: true)
      #expect(last.resumedFrom?.step == stops.last)
      try last.trainToEnd()
      #expect(RunState(last.step) == whole, "stopped at \(stops)")
      #expect(try tiny.metrics("run\(index)") == tiny.metrics("whole"))
    }
    if variant.precision == .f16 {
      #expect(whole.position.lossScale != nil && whole.position.updates <= whole.position.step)
    }
  }

  @Test("threads change nothing, not even between the parts of a run")
  func threads() throws {
    let tiny = try TinyRun(), variant = Variant(dropout: 0.1, hasRamp: true)
    let one = try through(tiny, "one", variant)
    #expect(try through(tiny, "two", variant, threads: 2) == one)
    #expect(try tiny.metrics("one") == tiny.metrics("two"))
    var config = tiny.config("mixed", variant.apply)
    try TrainingRun(config, resuming: false).train(until: 7)
    config.training.threads = 2
    let rest = try TrainingRun(config, resuming: true)
    try rest.trainToEnd()
    #expect(RunState(rest.step) == one)
  }

  @Test(
    "a run killed after its last checkpoint repeats the steps in between: each stands once in the metrics")
  func killed() throws {
    let tiny = try TinyRun()
    let whole = try through(tiny, "whole", Variant())
    let config = tiny.config("killed") { $0.checkpoint.interval = 4 }
    try TrainingRun(config, resuming: false).train(until: 6)
    // As if killed: what stopping wrote is gone, and the line of the step that was cut off is there.
    let newest = try #require(try CheckpointStore("\(tiny.path)/killed/checkpoints").latest())
    #expect(newest.step == 6)
    try FileManager.default.removeItem(atPath: newest.path)
    let metrics = try #require(FileHandle(forWritingAtPath: "\(tiny.path)/killed/metrics.jsonl"))
    try metrics.seekToEnd()
    try metrics.write(contentsOf: Data("{\"step\":7,\"loss\":3.1".utf8))
    try metrics.close()
    let run = try TrainingRun(config, resuming: true)
    #expect(run.resumedFrom?.step == 4)
    let losses = try run.train().losses
    #expect(
      try losses == tiny.metrics("whole").compactMap { $0["loss"] ?? nil }, "the curve is the whole run's")
    #expect(RunState(run.step) == whole)
    #expect(try tiny.metrics("killed") == tiny.metrics("whole"))
  }

  @Test("resuming what has not begun begins it; resuming what is finished changes nothing")
  func ends() throws {
    let tiny = try TinyRun()
    let config = tiny.config("run")
    let first = try {
      let run = try TrainingRun(config, resuming: true)
      #expect(run.resumedFrom == nil)
      try run.trainToEnd()
      return RunState(run.step)
    }()
    let again = try TrainingRun(config, resuming: true)
    #expect(again.resumedFrom?.step == 12)
    try again.trainToEnd()
    #expect(RunState(again.step) == first)
    #expect(try tiny.metrics("run").count == 12)
  }
}
