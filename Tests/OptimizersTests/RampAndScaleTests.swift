import FoundationEssentials
import Testing

@testable import Optimizers

@Suite struct BatchSizeRampTests {
  private func ramp(_ start: Int, _ increment: Int, _ samples: Int, to final: Int) -> BatchSizeRamp {
    var config = BatchSizeRamp.Config()
    config.start = start
    config.increment = increment
    config.samples = samples
    return BatchSizeRamp(config, finalBatch: final)
  }

  @Test("the batch grows in equal increments over the samples")
  func grows() {
    let ramp = ramp(16, 8, 300, to: 40)  // three increments of 100 samples each
    let expected = [
      (0, 16), (99, 16), (100, 24), (199, 24), (200, 32), (299, 32), (300, 40), (1_000_000, 40),
    ]
    for (consumed, batch) in expected { #expect(ramp.batchSize(consumedSamples: consumed) == batch) }
  }

  @Test("MT-NLG's ramp goes from 32 to 1920 by 32")
  func publishedRamp() {
    let samples = 12_000_000_000 / 2048
    let ramp = ramp(32, 32, samples, to: 1920)
    #expect(ramp.batchSize(consumedSamples: 0) == 32)
    #expect(ramp.batchSize(consumedSamples: samples / 59 + 1) == 64)
    #expect(ramp.batchSize(consumedSamples: samples - 1) == 1888)
    #expect(ramp.batchSize(consumedSamples: samples) == 1920)
  }

  @Test("without a ramp every batch is the final one, and nothing overflows")
  func edges() {
    #expect(ramp(32, 32, 0, to: 100).batchSize(consumedSamples: 0) == 100)
    #expect(ramp(100, 32, 1000, to: 100).batchSize(consumedSamples: 0) == 100)
    #expect(ramp(1, 1, .max, to: 1001).batchSize(consumedSamples: .max / 2) == 500)
  }

  @Test("a ramp that misses the global batch is refused")
  func validation() {
    var config = BatchSizeRamp.Config()
    config.samples = 1000
    #expect(throws: Never.self) { try config.validate(finalBatch: 320) }
    let failure = #expect(throws: OptimizerFailure.self) { try config.validate(finalBatch: 100) }
    #expect(
      failure?.description
        == "increment is 32, expected a divisor of 68, the distance from start 32 to the global batch 100")
    #expect(throws: OptimizerFailure.self) { try config.validate(finalBatch: 16) }
  }
}

@Suite struct DynamicLossScaleTests {
  private var config: DynamicLossScale.Config {
    var config = DynamicLossScale.Config()
    config.growthInterval = 3
    return config
  }

  @Test("the scale grows after good steps in a row and backs off when the hysteresis is used up")
  func rules() {
    var scale = DynamicLossScale(config)
    let story: [(overflowed: Bool, scale: Double)] = [
      (false, 65536), (false, 65536), (true, 65536), (false, 65536), (true, 32768), (true, 16384),
      (false, 16384), (false, 16384), (false, 32768), (true, 32768), (true, 16384),
    ]
    for (index, step) in story.enumerated() {
      scale.update(overflowed: step.overflowed)
      #expect(scale.scale == step.scale, "step \(index)")
    }
  }

  @Test("the scale stays between its bounds")
  func bounds() {
    var scale = DynamicLossScale(config)
    for _ in 0..<100 { scale.update(overflowed: true) }
    #expect(scale.scale == 1)
    for _ in 0..<1000 { scale.update(overflowed: false) }
    #expect(scale.scale == 16_777_216)
  }

  @Test("a scale restored from its state goes on as if never stopped")
  func resumes() throws {
    var whole = DynamicLossScale(config)
    for overflowed in [true, false, false] { whole.update(overflowed: overflowed) }
    let json = try JSONEncoder().encode(whole.state)
    var resumed = DynamicLossScale(
      config, state: try JSONDecoder().decode(DynamicLossScale.State.self, from: json))
    #expect(resumed.state == whole.state)
    for overflowed in [false, true, true] {
      whole.update(overflowed: overflowed)
      resumed.update(overflowed: overflowed)
      #expect(resumed == whole)
    }
  }

  @Test("settings that make no sense are named")
  func validation() {
    var config = DynamicLossScale.Config()
    #expect(throws: Never.self) { try config.validate() }
    config.backoffFactor = 2
    let failure = #expect(throws: OptimizerFailure.self) { try config.validate() }
    #expect(failure?.description == "backoffFactor is 2.0, expected between 0 and 1")
  }
}
