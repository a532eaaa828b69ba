import Topology

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ranks that are processes, on one machine or many, and talk over MPI.
package final class MPICluster: Watchdog {
  /// What the job ends with where ranks wait for each other in vain or MPI fails: "try again" (EX_TEMPFAIL).
  package static let failureStatus: Int32 = 75

  package let limit: Duration
  /// This process's number in the world.
  package let index: Int
  package let rankCount: Int
  /// "Open MPI v4.1.4".
  package let version: String
  package let status: RankStatus
  private let ranksHere: Int?
  private let library: MPILibrary
  private let progress: MPIProgress
  private let board: StatusBoard
  private let tagBound: Int

  /// Starts MPI, once in the life of a process, from its first thread.
  ///
  /// - Parameters:
  ///   - launch: what the environment says of how the process was started.
  ///   - limit: how long a rank waits for others before the job ends.
  package init(_ launch: MPILaunch, limit: Duration = .seconds(600)) throws(MPIFailure) {
    ranksHere = launch.ranksHere
    library = try MPILibrary(launch.libraries)
    version = library.version
    try library.initialize()
    index = try library.rank(in: library.world)
    rankCount = try library.size(of: library.world)
    guard launch.ranks == rankCount else {
      throw MPIFailure(
        "\(launch.launcher) has started \(launch.ranks) processes and \(version) knows of \(rankCount): start "
          + "them with the launcher that belongs to this MPI")
    }
    self.limit = limit
    tagBound = try library.tagBound()
    status = RankStatus(rank: index)
    progress = MPIProgress(library)
    board = StatusBoard(
      try library.split(color: 0, key: index) ?? library.world, library, status: status, ranks: rankCount)
    progress.run { [board] () throws(MPIFailure) in try board.serve() }
  }

  /// This process's rank of `mesh`, with its groups. All ranks call, in the same order where there are several.
  package func rank(of mesh: Mesh) -> Rank {
    precondition(mesh.rankCount == rankCount, "a mesh of \(mesh) for \(rankCount) ranks")
    return Rank(mesh: mesh, index: index, neighbours: ranksHere, status: status) { group($0, $1) }
  }

  /// A group; all ranks of the world call, each with the members of its own, which do not overlap with others'.
  package func group(_ name: String, _ members: [Int]) -> Group {
    let place = members.firstIndex(of: index)
    let comms = progress.withLock { () throws(MPIFailure) in
      let color = members.count > 1 && place != nil ? members[0] : nil
      return (
        try library.split(color: color, key: place ?? 0), try library.split(color: color, key: place ?? 0)
      )
    }
    guard let place, let collectives = comms.0, let messages = comms.1 else {
      return Group(name, members: [index], rank: 0, status: status, carrier: nil)
    }
    return Group(
      name, members: members, rank: place, status: status,
      carrier: MPICarrier(
        name, members: members, rank: place, collectives: collectives, messages: messages,
        tagBound: tagBound, progress: progress, watchdog: self))
  }

  /// Bytes kept for messages that wait to be added up.
  package var scratchBytes: Int { progress.scratchBytes }

  /// Ends MPI; returns when all ranks have come here. Nothing is under way.
  package func finish() throws(MPIFailure) {
    progress.stop()
    try library.finalize()
  }

  /// Ends every process of the job with `status`.
  package func abort(status: Int32, _ message: String) -> Never {
    progress.withLock { () throws(MPIFailure) in progress.endJob(status: status, message) }
  }

  package func giveUp(_ wait: StuckWait) -> Never {
    if let reports = board.collect(timeout: .seconds(3), progress) {
      abort(status: Self.failureStatus, "error: \(wait.message(reports))")
    }
    // Another rank has begun to say it, and ends the job in a moment.
    sleep(10)
    abort(status: Self.failureStatus, "error: \(wait.message([]))")
  }
}
