import Synchronization

/// What a rank is doing, for the message that names a missing one. Written by the rank, read by any thread.
package final class RankStatus: Sendable {
  /// "forward of microbatch 3", "all-reduce 41 of the tensor group".
  package struct Activity: Sendable {
    package var what: StaticString
    package var index: Int
    /// The group's name, for a collective.
    package var group: String?
    package var since: ContinuousClock.Instant

    package init(
      _ what: StaticString, _ index: Int, group: String? = nil, since: ContinuousClock.Instant = .now
    ) {
      self.what = what
      self.index = index
      self.group = group
      self.since = since
    }
  }

  package let rank: Int
  private let state: Mutex<(step: Int, activity: Activity)>

  package init(rank: Int) {
    self.rank = rank
    state = Mutex((0, Activity("start", 0)))
  }

  /// Notes what the rank turns to now.
  package func note(_ what: StaticString, _ index: Int, group: String? = nil) {
    let activity = Activity(what, index, group: group)
    state.withLock { $0.activity = activity }
  }

  /// Notes the training step that begins.
  package func note(step: Int) { state.withLock { $0.step = step } }

  package var step: Int { state.withLock { $0.step } }
  package var activity: Activity { state.withLock { $0.activity } }
}
