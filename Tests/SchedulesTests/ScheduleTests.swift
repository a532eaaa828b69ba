import Testing

@testable import Schedules

@Suite struct ScheduleTests {
  @Test("a stage sees each microbatch forward and backward")
  func each() {
    #expect(Schedule(.gpipe, stages: 1, microbatches: 3).actions(stage: 0).count == 6)
  }
}
