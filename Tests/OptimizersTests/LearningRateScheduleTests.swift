import FoundationEssentials
import Testing

@testable import Optimizers

@Suite struct LearningRateScheduleTests {
  private func schedule(
    _ kind: LearningRateSchedule.Kind, warmup: Int = 10, steps: Int = 50,
    _ change: (inout LearningRateSchedule.Config) -> Void = { _ in }
  ) -> LearningRateSchedule {
    var config = LearningRateSchedule.Config()
    config.kind = kind
    config.warmupSteps = warmup
    change(&config)
    return LearningRateSchedule(config, steps: steps)
  }

  @Test(
    "rates agree with PyTorch's and transformers' schedulers", arguments: LearningRateSchedule.Kind.allCases)
  func agreesWithTorch(kind: LearningRateSchedule.Kind) throws {
    let all = try JSONDecoder().decode([String: [Double]].self, from: fixture("torch_schedules.json"))
    let expected = try #require(all[kind.rawValue])
    let schedule = schedule(kind) {
      $0.decaySteps = 15
      $0.decay = .cosine
      if kind == .inverseSquareRoot { $0.minimumLearningRate = 0 }
    }
    // transformers' WSD warms up from its minimum; the others, as ours, from 0.
    for step in (kind == .wsd ? 10 : 1)...50 {
      let rate = schedule.rate(step: step)
      #expect(abs(rate / expected[step - 1] - 1) < 1e-9, "step \(step): \(rate), torch \(expected[step - 1])")
    }
  }

  @Test("the peak comes at the end of the warm-up, the minimum at the end and after")
  func landmarks() {
    for kind in [LearningRateSchedule.Kind.linear, .cosine, .wsd] {
      let schedule = schedule(kind)
      #expect(schedule.rate(step: 10) == 3e-4)
      #expect(schedule.rate(step: 5) == 1.5e-4)
      #expect(schedule.rate(step: 50) == 3e-5)
      #expect(schedule.rate(step: 1_000_000) == 3e-5)
    }
    #expect(schedule(.linear).rate(step: 30) == 3e-5 + (3e-4 - 3e-5) / 2)
    #expect(schedule(.constant).rate(step: 1_000_000) == 3e-4)
    #expect(schedule(.inverseSquareRoot).rate(step: 40) == 1.5e-4)
    #expect(schedule(.inverseSquareRoot).rate(step: 100_000_000) == 3e-5)
  }

  @Test("a stable run holds its peak until the decay, of each shape")
  func stable() {
    for (decay, halfway) in [
      (LearningRateSchedule.Decay.linear, 0.5), (.cosine, 0.5), (.squareRoot, 1 - 0.5.squareRoot()),
    ] {
      let schedule = schedule(.wsd) {
        $0.decaySteps = 20
        $0.decay = decay
      }
      #expect((10...30).allSatisfy { schedule.rate(step: $0) == 3e-4 })
      #expect(schedule.rate(step: 31) < 3e-4)
      #expect(abs(schedule.rate(step: 40) - (3e-5 + 2.7e-4 * halfway)) < 1e-18)
      #expect(schedule.rate(step: 50) == 3e-5)
    }
    // By default a tenth of all steps.
    #expect(schedule(.wsd).rate(step: 45) == 3e-4)
    #expect(schedule(.wsd).rate(step: 46) < 3e-4)
  }

  @Test(
    "odd settings give rates between the minimum and the peak", arguments: LearningRateSchedule.Kind.allCases)
  func edges(kind: LearningRateSchedule.Kind) {
    for (warmup, steps, decaySteps) in [
      (0, 50, 5), (0, 1, 100), (0, 0, 1), (100, 50, 10), (50, 50, 50), (1, 1, 1),
    ] {
      let schedule = schedule(kind, warmup: warmup, steps: steps) { $0.decaySteps = decaySteps }
      for step in max(1, warmup)...200 {
        #expect((3e-5...3e-4).contains(schedule.rate(step: step)), "\(warmup) \(steps) \(step)")
      }
      if warmup > 0 {
        #expect(schedule.rate(step: 0) == 0)
        #expect(schedule.rate(step: warmup) == 3e-4)
      }
    }
    #expect(schedule(kind, warmup: 0).rate(step: 1) > 0.97 * 3e-4)
  }

  @Test("settings that cannot train are named")
  func validation() {
    func failure(_ change: (inout LearningRateSchedule.Config) -> Void) -> String? {
      var config = LearningRateSchedule.Config()
      change(&config)
      do throws(OptimizerFailure) {
        try config.validate()
        return nil
      } catch { return error.description }
    }
    #expect(failure { _ in } == nil)
    #expect(failure { $0.learningRate = 0 }?.hasPrefix("learningRate is 0.0") == true)
    #expect(
      failure { $0.minimumLearningRate = 1 }
        == "minimumLearningRate is 1.0, expected at least 0 and at most learningRate, 0.0003")
    #expect(failure { $0.learningRate = .nan } != nil)
    #expect(failure { $0.warmupSteps = -1 } == "warmupSteps is -1, expected 0 or more")
    #expect(failure { $0.decaySteps = 0 } == "decaySteps is 0, expected 1 or more")
  }
}
