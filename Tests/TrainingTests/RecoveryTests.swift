import Collectives
import Corpus
import Foundation
import Testing
import Topology

@testable import Training

/// What a run does with a step that it cannot trust. The spike is made: a rate at which the model bursts.
@Suite(.serialized) struct RecoveryTests {
  let tiny: TinyRun

  init() throws { tiny = try TinyRun() }

  /// Any loss that is not clearly below those before it is a spike, so that there are some.
  private func config(_ name: String, _ action: RecoveryConfig.Action, limit: Int = 8) -> RunConfig {
    tiny.config(name) { config in
      config.recovery.action = action
      config.recovery.spikeFactor = 1.001
      config.recovery.spikeWindow = 2
      config.recovery.limit = limit
      config.checkpoint.interval = 2
      config.training.steps = 16
      // Nothing is learned: losses go up and down with the samples.
      config.schedule.learningRate = 1e-9
      config.schedule.minimumLearningRate = 1e-9
    }
  }

  private func train(_ config: RunConfig, _ mesh: Mesh = .single, until: Int = .max, resuming: Bool = false)
    throws
    -> TrainStep.Position
  {
    try LocalCluster.run(mesh, limit: .seconds(60)) { rank in
      let run = try TrainingRun(config, resuming: resuming, rank: rank)
      return try run.train(shouldStop: { run.step.position.step >= until }).position
    }[0]
  }

  @Test("a spike's samples are passed over, nothing of it is applied, and the run ends after its steps")
  func skip() throws {
    let position = try train(config("skip", .skip, limit: 100))
    let recoveries = try #require(position.recoveries)
    #expect(recoveries > 0)
    #expect(position.step == 16 && position.updates == 16 - recoveries)
    #expect(position.consumedSamples == 16 * 4)
  }

  @Test("a run that returns to a checkpoint goes on behind the samples of the spike, on any mesh")
  func rollback() throws {
    let alone = try train(config("rollback", .rollback, limit: 50), until: 14)
    let recoveries = try #require(alone.recoveries)
    #expect(recoveries > 0 && recoveries <= 50)
    #expect(alone.consumedSamples > alone.step * 4)
    #expect(try tiny.metrics("rollback").map { $0["step"] ?? nil } == (1...alone.step).map(Double.init))
    let divided = try train(config("divided", .rollback, limit: 50), Mesh(data: 2), until: 14)
    #expect(divided.consumedSamples == alone.consumedSamples && divided.recoveries == recoveries)
  }

  @Test("recovering too often ends the run")
  func limit() throws {
    #expect { _ = try train(config("limit", .skip, limit: 1)) } throws: { error in
      "\(error)".contains("training stopped at step")
    }
  }
}
