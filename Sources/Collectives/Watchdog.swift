/// Ends a job whose ranks wait for each other in vain, and says who is missing.
package protocol Watchdog: AnyObject {
  /// How long a rank waits for the others.
  var limit: Duration { get }

  /// Called by a rank that has waited too long, or whose job another has ended; does not return.
  func giveUp(_ wait: StuckWait) -> Never
}

/// A wait that has taken too long, and what is known of the ranks then.
package struct StuckWait: Sendable {
  /// The rank that waits, in the world.
  package let rank: Int
  /// "all-reduce 41 of the tensor group".
  package let operation: String
  package let waited: Duration
  /// Ranks in the world that have not come.
  package let missing: [Int]

  package init(rank: Int, operation: String, waited: Duration, missing: [Int]) {
    self.rank = rank
    self.operation = operation
    self.waited = waited
    self.missing = missing
  }

  /// One sentence that names the missing, and a line for each rank. `reports[r]`: what rank r says it is doing,
  /// nil where it does not answer.
  package func message(_ reports: [String?]) -> String {
    let names = missing.map(String.init).joined(separator: ", ")
    let what = missing.count == 1 ? "rank \(names) has not come" : "ranks \(names) have not come"
    let lines = reports.enumerated().map { rank, report in
      "  rank \(rank): \(report ?? "does not answer: its process is stopped or its machine is lost")"
    }
    return
      "rank \(rank) has waited \(waited.components.seconds) s in \(operation): \(what). The job ends; raise "
      + "mesh.timeout if this is only slow.\n" + lines.joined(separator: "\n")
  }
}

extension RankStatus {
  /// "step 12, in all-reduce 41 of the tensor group for 3 s".
  package func report(at now: ContinuousClock.Instant = .now) -> String {
    let activity = self.activity
    return "step \(step), in \(activity.text) for \((now - activity.since).components.seconds) s"
  }
}

extension RankStatus.Activity {
  /// "all-reduce 41 of the tensor group", "forward of microbatch 3".
  package var text: String { group.map { "\(what) \(index) of the \($0) group" } ?? "\(what) \(index)" }
}
