import Testing

@testable import Schedules

/// Schedules as the papers' figures show them, written down by hand.
@Suite struct PaperTests {
  /// "F0 B0 W0", a chunk behind the first with its number: "F0.1".
  private func text(_ kind: Schedule.Kind, _ stages: Int, _ chunks: Int, _ microbatches: Int, stage: Int)
    -> String
  {
    Schedule(kind, stages: stages, chunks: chunks, microbatches: microbatches).actions(stage: stage).map {
      let letter =
        switch $0 {
        case .forward: "F"
        case .backward: "B"
        case .weights: "W"
        }
      return "\(letter)\($0.microbatch)\($0.chunk > 0 ? ".\($0.chunk)" : "")"
    }.joined(separator: " ")
  }

  @Test("GPipe is all forward, then all backward")
  func gpipe() {
    #expect(text(.gpipe, 4, 1, 3, stage: 2) == "F0 F1 F2 B0 B1 B2")
    #expect(text(.gpipe, 2, 2, 2, stage: 0) == "F0 F1 F0.1 F1.1 B0.1 B1.1 B0 B1")
  }

  @Test("1F1B is PTD-P's figure 4, top")
  func oneForwardOneBackward() {
    let figure = [
      "F0 F1 F2 F3 B0 F4 B1 F5 B2 F6 B3 F7 B4 B5 B6 B7",
      "F0 F1 F2 B0 F3 B1 F4 B2 F5 B3 F6 B4 F7 B5 B6 B7",
      "F0 F1 B0 F2 B1 F3 B2 F4 B3 F5 B4 F6 B5 F7 B6 B7",
      "F0 B0 F1 B1 F2 B2 F3 B3 F4 B4 F5 B5 F6 B6 F7 B7",
    ]
    for (stage, expected) in figure.enumerated() {
      #expect(text(.oneForwardOneBackward, 4, 1, 8, stage: stage) == expected)
    }
  }

  @Test("interleaved 1F1B is PTD-P's figure 4, bottom")
  func interleaved() {
    #expect(
      text(.interleaved, 4, 2, 8, stage: 0)
        == "F0 F1 F2 F3 F0.1 F1.1 F2.1 F3.1 F4 F5 F6 B0.1 F7 B1.1 F4.1 B2.1 F5.1 B3.1 F6.1 B0 F7.1 B1 B2 B3 "
        + "B4.1 B5.1 B6.1 B7.1 B4 B5 B6 B7")
    #expect(
      text(.interleaved, 4, 2, 8, stage: 3)
        == "F0 F1 F2 F3 F0.1 B0.1 F1.1 B1.1 F2.1 B2.1 F3.1 B3.1 F4 B0 F5 B1 F6 B2 F7 B3 "
        + "F4.1 B4.1 F5.1 B5.1 F6.1 B6.1 F7.1 B7.1 B4 B5 B6 B7")
  }

  @Test(
    "microbatches that the stages do not divide go in runs as even as can be, none shorter than the stages")
  func groups() {
    func lengths(_ stages: Int, _ microbatches: Int) -> [Int] {
      Schedule(.interleaved, stages: stages, chunks: 2, microbatches: microbatches).groups.map(\.count)
    }
    #expect(lengths(4, 8) == [4, 4])
    #expect(lengths(4, 10) == [5, 5])
    #expect(lengths(4, 11) == [6, 5])
    #expect(lengths(4, 7) == [7])
    #expect(lengths(4, 3) == [3])
  }

  @Test("ZB-H1 is 1F1B whose stage s makes weight gradients s microbatches later")
  func zeroBubble() {
    #expect(
      text(.zeroBubble, 3, 1, 4, stage: 0) == "F0 F1 F2 B0 W0 F3 B1 W1 B2 W2 B3 W3")
    #expect(
      text(.zeroBubble, 3, 1, 4, stage: 2) == "F0 B0 F1 B1 F2 B2 W0 F3 B3 W1 W2 W3")
  }

  @Test("live activations are what the papers say, over all shapes", arguments: Schedule.Kind.allCases)
  func memory(_ kind: Schedule.Kind) {
    for schedule in Schedule.shapes(kind) {
      let (p, v, m) = (schedule.stages, schedule.chunks, schedule.microbatches)
      for stage in 0..<p {
        let peak = schedule.peakLiveActivations(stage: stage)
        #expect(peak == schedule.liveActivationBound(stage: stage), "\(schedule), stage \(stage)")
        switch kind {
        case .gpipe: #expect(peak.activations == m * v)
        case .oneForwardOneBackward: #expect(peak.activations == min(p - stage, m))
        case .interleaved:
          // PTD-P's schedule where it is defined: 1 + (p − 1)/(p·v) of 1F1B's memory on the first stage.
          guard m % p == 0 else { break }
          #expect(peak.activations == min(2 * (p - stage - 1) + (v - 1) * p + 1, m * v))
        case .zeroBubble:
          let first = Schedule(.oneForwardOneBackward, stages: p, microbatches: m).peakLiveActivations(
            stage: 0)
          #expect(peak.together <= first.together)
        }
      }
    }
  }

  @Test(
    "with equal times the bubble is the papers' formula, over all shapes", arguments: Schedule.Kind.allCases)
  func bubble(_ kind: Schedule.Kind) throws {
    for schedule in Schedule.shapes(kind) where schedule.microbatches >= schedule.stages {
      let bubble = try ScheduleTimeline(schedule, PassTimes()).bubble
      let (p, v, m) = (Double(schedule.stages), Double(schedule.chunks), Double(schedule.microbatches))
      // F = B = W: ZB-H1's idle time is a third of 1F1B's.
      let paper = kind == .zeroBubble ? (p - 1) / (3 * m) : (p - 1) / (v * m)
      #expect(abs(bubble - paper) < 1e-9, "\(schedule)")
      if kind == .zeroBubble && p > 1 {
        let whole = Schedule(
          .oneForwardOneBackward, stages: schedule.stages, microbatches: schedule.microbatches)
        #expect(bubble < (try ScheduleTimeline(whole, PassTimes())).bubble)
      }
    }
  }

  @Test(
    "the formula holds with other times and fewer microbatches than stages too",
    arguments: Schedule.Kind.allCases)
  func formula(_ kind: Schedule.Kind) throws {
    let times = [(1, 1, 1), (1, 2, 1), (3, 4, 2), (1, 1, 3), (5, 2, 3), (1, 3, 2)].map {
      PassTimes(forward: $0, backward: $1, weights: $2)
    }
    for schedule in Schedule.shapes(kind) {
      for times in times {
        let simulated = try ScheduleTimeline(schedule, times).bubble
        #expect(abs(simulated - schedule.bubbleFormula(times)) < 1e-9, "\(schedule) \(times)")
      }
    }
  }

  @Test("the formula is written as it is reckoned")
  func symbols() {
    func text(_ kind: Schedule.Kind, _ chunks: Int, _ microbatches: Int, weights: Double = 1) -> String {
      Schedule(kind, stages: 4, chunks: chunks, microbatches: microbatches)
        .bubbleFormulaText(PassTimes(weights: weights))
    }
    #expect(text(.oneForwardOneBackward, 1, 2) == "(p − 1)/m")
    #expect(text(.interleaved, 2, 8) == "(p − 1)/(v·m)")
    #expect(text(.interleaved, 2, 3) == "(p − 1 + (v − 1)·(p − m))/(v·m)")
    #expect(text(.zeroBubble, 1, 8) == "(p − 1)·(F + B − W)/(m·(F + B + W))")
    #expect(
      text(.zeroBubble, 1, 3, weights: 2)
        == "((p − 1)·(F + B − min(F, B)) + (p − m)·min(F, B))/(m·(F + B + W))")
  }
}
