/// When every stage does what: a simulation of actions that take given times, in O(their number).
///
/// A stage works through its list in order. A forward pass waits for the one of the run of layers before, a
/// backward pass for the one of the run behind (at the last run for its own forward pass), `weights` for its
/// own backward pass. Sends take no time of the stage's; a link from a stage to a neighbour carries one after another.
package struct ScheduleTimeline: Sendable, Equatable {
  package struct Span: Sendable, Equatable {
    package let action: Action
    package let start: Double
    package let end: Double
  }

  /// What each stage does, in its order.
  package private(set) var stages: [[Span]]

  /// Simulates `schedule` with stages that all take the same times and links that all take `transfer`.
  package init(_ schedule: Schedule, _ times: PassTimes, transfer: Double = 0) throws(ScheduleDeadlock) {
    try self.init(
      (0..<schedule.stages).map(schedule.actions(stage:)),
      duration: { schedule.duration(of: $1, times) }, transfer: { _, _ in transfer })
  }

  /// Simulates `actions`, a list for each stage. `duration` is the time of a stage's action, `transfer` what
  /// passes between the end of an action on a stage and the moment another stage has what it sends.
  package init(
    _ actions: [[Action]], duration: (_ stage: Int, Action) -> Double,
    transfer: (_ from: Int, _ to: Int) -> Double = { _, _ in 0 }
  ) throws(ScheduleDeadlock) {
    var done = Completions(actions)
    stages = actions.map { list in
      var spans: [Span] = []
      spans.reserveCapacity(list.count)
      return spans
    }
    // Stages that may be able to go on: all at first, then the neighbours of one that did.
    var waking = Array(actions.indices.reversed())
    while let stage = waking.popLast() {
      let before = stages[stage].count
      while stages[stage].count < actions[stage].count {
        let action = actions[stage][stages[stage].count]
        var start = stages[stage].last?.end ?? 0
        if let need = done.need(of: action, stage: stage) {
          guard let arrival = done.arrival(of: need, at: stage) else { break }
          start = max(start, arrival)
        }
        let end = start + duration(stage, action)
        stages[stage].append(Span(action: action, start: start, end: end))
        done.record(action, stage: stage, end: end, transfer: transfer)
      }
      if stages[stage].count > before {
        waking.append((stage + 1) % actions.count)
        waking.append((stage + actions.count - 1) % actions.count)
      }
    }
    let waits = actions.indices.compactMap { stage -> ScheduleDeadlock.Wait? in
      guard stages[stage].count < actions[stage].count else { return nil }
      let action = actions[stage][stages[stage].count]
      return done.need(of: action, stage: stage).map { need in
        ScheduleDeadlock.Wait(stage: stage, action: action, neededStage: need.stage, needed: need.action)
      }
    }
    guard waits.isEmpty else { throw ScheduleDeadlock(waits: waits) }
  }

  /// When the last stage is done.
  package var makespan: Double { stages.compactMap(\.last?.end).max() ?? 0 }

  /// How long `stage` works.
  package func busy(stage: Int) -> Double { stages[stage].reduce(0) { $0 + $1.end - $1.start } }

  /// How long `stage` waits, before its first action and behind its last one too.
  package func idle(stage: Int) -> Double { makespan - busy(stage: stage) }

  /// The idle time of all stages over their working time: the papers' bubble fraction, (p − 1)/m for 1F1B.
  package var bubble: Double {
    let busy = stages.indices.reduce(0) { $0 + self.busy(stage: $1) }
    // Sums may differ by a last digit where nobody is idle.
    return busy > 0 ? max(0, makespan * Double(stages.count) / busy - 1) : 0
  }
}
