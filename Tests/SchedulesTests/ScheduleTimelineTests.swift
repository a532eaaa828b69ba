import Testing

@testable import Schedules

@Suite struct ScheduleTimelineTests {
  @Test("no stage begins before what it needs has arrived", arguments: Schedule.Kind.allCases)
  func dependencies(_ kind: Schedule.Kind) throws {
    let transfer = 0.25
    for schedule in Schedule.shapes(kind) {
      let timeline = try ScheduleTimeline(
        schedule.actions, duration: { stage, action in Double(1 + (stage + action.microbatch) % 3) },
        transfer: { _, _ in transfer })
      let runs = schedule.stages * schedule.chunks
      // When each pass through a run of layers ends, kept another way than the simulation does.
      var ends: [String: Double] = [:]
      for (stage, spans) in timeline.stages.enumerated() {
        for span in spans {
          ends["\(key(span.action)) \(span.action.chunk * schedule.stages + stage)"] = span.end
        }
      }
      for (stage, spans) in timeline.stages.enumerated() {
        var free = 0.0
        for span in spans {
          let run = span.action.chunk * schedule.stages + stage
          let microbatch = span.action.microbatch
          let lag = schedule.stages > 1 ? transfer : 0
          let needed: Double? =
            switch span.action {
            case .forward: run == 0 ? 0 : ends["F\(microbatch) \(run - 1)"].map { $0 + lag }
            case .backward where run == runs - 1: ends["F\(microbatch) \(run)"]
            case .backward: ends["B\(microbatch) \(run + 1)"].map { $0 + lag }
            case .weights: ends["B\(microbatch) \(run)"]
            }
          // As early as can be, and no earlier.
          #expect(needed.map { max($0, free) } == span.start, "\(schedule)")
          free = span.end
        }
      }
    }
  }

  private func key(_ action: Action) -> String {
    switch action {
    case .forward: "F\(action.microbatch)"
    case .backward: "B\(action.microbatch)"
    case .weights: "W\(action.microbatch)"
    }
  }

  @Test("times, transfers and idle stages of a pipeline worked out by hand")
  func byHand() throws {
    let schedule = Schedule(.oneForwardOneBackward, stages: 2, microbatches: 2)
    let timeline = try ScheduleTimeline(schedule, PassTimes(), transfer: 0.5)
    #expect(timeline.stages[0].map(\.start) == [0, 1, 5, 8])
    #expect(timeline.stages[1].map(\.start) == [1.5, 2.5, 4.5, 5.5])
    #expect(timeline.makespan == 10)
    #expect(timeline.busy(stage: 0) == 6 && timeline.idle(stage: 1) == 4)
    #expect(abs(timeline.bubble - 8.0 / 12) < 1e-12)
  }

  @Test("a slow stage or link shows in its own time only")
  func uneven() throws {
    let schedule = Schedule(.gpipe, stages: 3, microbatches: 1)
    let timeline = try ScheduleTimeline(
      schedule.actions, duration: { stage, _ in stage == 1 ? 5 : 1 },
      transfer: { from, to in from == 0 && to == 1 ? 2 : 0 })
    #expect(timeline.stages.map { $0.map(\.start) } == [[0, 15], [3, 10], [8, 9]])
    #expect(timeline.makespan == 16)
  }

  @Test("a link carries one message after another")
  func links() throws {
    let schedule = Schedule(.gpipe, stages: 2, microbatches: 3)
    let timeline = try ScheduleTimeline(
      schedule.actions, duration: { _, _ in 1 }, transfer: { from, _ in from == 0 ? 4 : 0 })
    // The messages leave at 1, 5 and 9: what stage 0 has done earlier does not arrive sooner.
    #expect(timeline.stages[1].prefix(3).map(\.start) == [5, 9, 13])
  }

  @Test("stages that wait for one another are named")
  func deadlock() {
    // Stage 0 wants its first gradient before it has sent the microbatch that it belongs to.
    let actions: [[Action]] = [
      [
        .forward(microbatch: 0, chunk: 0), .backward(microbatch: 1, chunk: 0),
        .forward(microbatch: 1, chunk: 0),
      ],
      [.forward(microbatch: 0, chunk: 0), .forward(microbatch: 1, chunk: 0)],
    ]
    let failure = #expect(throws: ScheduleDeadlock.self) {
      try ScheduleTimeline(actions, duration: { _, _ in 1 })
    }
    #expect(
      failure?.description
        == "the schedule stands still: stage 0 waits with the backward of microbatch 1 for the backward of "
        + "microbatch 1 of stage 1; stage 1 waits with the forward of microbatch 1 for the forward of "
        + "microbatch 1 of stage 0")
  }

  @Test("a schedule whose groups are shorter than its stages would stand still")
  func shortGroups() {
    // Why `groups` has none: Megatron-LM's order with a last group of one microbatch.
    let schedule = Schedule(.interleaved, stages: 4, chunks: 3, microbatches: 5)
    let passes = [0..<4, 4..<5].flatMap { group in (0..<3).flatMap { chunk in group.map { ($0, chunk) } } }
    let actions = (0..<4).map { stage in
      Schedule.inTurn(
        forward: passes.map { .forward(microbatch: $0.0, chunk: $0.1) },
        backward: passes.map { .backward(microbatch: $0.0, chunk: 2 - $0.1) },
        warmUp: 2 * (3 - stage) + 2 * 4)
    }
    #expect(throws: ScheduleDeadlock.self) { try ScheduleTimeline(actions, duration: { _, _ in 1 }) }
    #expect(throws: Never.self) { try ScheduleTimeline(schedule, PassTimes()) }
  }

  @Test("time grows with the number of actions, not faster")
  func speed() throws {
    let schedule = Schedule(.interleaved, stages: 16, chunks: 4, microbatches: 1024)
    let clock = ContinuousClock()
    let start = clock.now
    let timeline = try ScheduleTimeline(schedule, PassTimes())
    let elapsed = start.duration(to: clock.now)
    #expect(timeline.stages.joined().count == 131_072)
    // 10 ms on a 2020s processor; a quadratic one would take minutes.
    #expect(elapsed < .seconds(5))
  }
}
