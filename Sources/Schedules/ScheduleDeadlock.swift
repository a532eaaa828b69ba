/// Stages that wait for one another.
package struct ScheduleDeadlock: Error, CustomStringConvertible, Equatable {
  package struct Wait: Sendable, Equatable {
    package let stage: Int
    package let action: Action
    package let neededStage: Int
    package let needed: Action
  }

  /// What each stage that is not done waits for.
  package let waits: [Wait]

  package var description: String {
    "the schedule stands still: "
      + waits.map {
        "stage \($0.stage) waits with the \($0.action) for the \($0.needed) of stage \($0.neededStage)"
      }.joined(separator: "; ")
  }
}
