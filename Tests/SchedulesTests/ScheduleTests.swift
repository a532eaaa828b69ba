import Testing

@testable import Schedules

@Suite struct ScheduleTests {
  @Test("hundreds of shapes are looked at")
  func shapes() {
    #expect(Schedule.shapes.count == 8 * 24 * (4 + 1 + 3 + 1))
  }

  @Test(
    "each stage takes each microbatch once through each chunk and direction",
    arguments: Schedule.Kind.allCases)
  func each(_ kind: Schedule.Kind) {
    for schedule in Schedule.shapes(kind) {
      let pairs = (0..<schedule.chunks).flatMap { chunk in
        (0..<schedule.microbatches).map { (microbatch: $0, chunk: chunk) }
      }
      let expected =
        Set(pairs.map(Action.forward)).union(pairs.map(Action.backward))
        .union(schedule.splitsBackward ? pairs.map(Action.weights) : [])
      for actions in schedule.actions {
        #expect(actions.count == expected.count, "\(schedule)")
        #expect(Set(actions) == expected, "\(schedule)")
      }
    }
  }

  @Test("gradients of a chunk add up in the order of the microbatches", arguments: Schedule.Kind.allCases)
  func order(_ kind: Schedule.Kind) {
    for schedule in Schedule.shapes(kind) {
      for actions in schedule.actions {
        for chunk in 0..<schedule.chunks {
          let own = actions.filter { $0.chunk == chunk }
          let backward = own.filter { if case .backward = $0 { true } else { false } }
          let weights = own.filter { if case .weights = $0 { true } else { false } }
          #expect(backward.map(\.microbatch) == Array(0..<schedule.microbatches), "\(schedule)")
          #expect(weights.isEmpty || weights.map(\.microbatch) == backward.map(\.microbatch), "\(schedule)")
        }
      }
    }
  }

  @Test(
    "what a stage sends another arrives in the order in which that one wants it",
    arguments: Schedule.Kind.allCases)
  func messages(_ kind: Schedule.Kind) {
    // Forward and backward apart: with two stages both go from the one to the other.
    for schedule in Schedule.shapes(kind) where schedule.stages > 1 {
      let (actions, stages) = (schedule.actions, schedule.stages)
      for stage in 0..<stages {
        let next = (stage + 1) % stages
        func run(_ action: Action, _ stage: Int) -> Int { action.chunk * stages + stage }
        let last = stages * schedule.chunks - 1
        let sent = actions[stage].compactMap { action -> [Int]? in
          guard case .forward = action, run(action, stage) < last else { return nil }
          return [action.microbatch, run(action, stage) + 1]
        }
        let received = actions[next].compactMap { action -> [Int]? in
          guard case .forward = action, run(action, next) > 0 else { return nil }
          return [action.microbatch, run(action, next)]
        }
        #expect(sent == received, "\(schedule)")
        let sentBack = actions[next].compactMap { action -> [Int]? in
          guard case .backward = action, run(action, next) > 0 else { return nil }
          return [action.microbatch, run(action, next) - 1]
        }
        let receivedBack = actions[stage].compactMap { action -> [Int]? in
          guard case .backward = action, run(action, stage) < last else { return nil }
          return [action.microbatch, run(action, stage)]
        }
        #expect(sentBack == receivedBack, "\(schedule)")
      }
    }
  }

  @Test("a shape that no schedule has is refused with what would work")
  func refusals() {
    func problem(_ kind: Schedule.Kind, _ stages: Int, _ chunks: Int, _ microbatches: Int) -> String? {
      Schedule.problem(kind: kind, stages: stages, chunks: chunks, microbatches: microbatches)
    }
    #expect(problem(.gpipe, 0, 1, 8) == "a pipeline of 0 stages: at least one is needed")
    #expect(problem(.interleaved, 4, -1, 8) == "a pipeline of -1 chunks a stage: at least one is needed")
    #expect(problem(.zeroBubble, 4, 1, 0) == "a pipeline of 0 microbatches: at least one is needed")
    #expect(
      problem(.oneForwardOneBackward, 4, 2, 8)
        == "1f1b has one model chunk a stage, got 2: interleave 1, or the interleaved schedule")
    #expect(
      problem(.zeroBubble, 4, 2, 8)
        == "zero_bubble has one model chunk a stage, got 2: interleave 1, or the interleaved schedule")
    #expect(
      problem(.interleaved, 4, 1, 8)
        == "interleaved needs two or more model chunks a stage, got 1: interleave 2, or the 1f1b schedule")
    #expect(problem(.interleaved, 4, 2, 3) == nil)
    #expect(problem(.gpipe, 4, 3, 3) == nil)
  }
}
