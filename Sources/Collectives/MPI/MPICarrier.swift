import Tensors

/// One member's end of a group whose members are processes.
///
/// Collectives and messages have a communicator each, so that their tags never meet. Collectives are told apart by
/// the order in which they are begun, which is the same on all members.
final class MPICarrier: Carrier {
  private let name: String
  private let members: [Int]
  private let rank: Int
  private let collectives: MPICommunicator
  private let messages: MPICommunicator
  private let progress: MPIProgress
  private let tagBound: Int
  private unowned let watchdog: any Watchdog
  /// Collectives begun, and the pieces they were cut into.
  private var count = 0
  private var pieces = 0

  init(
    _ name: String, members: [Int], rank: Int, collectives: MPICommunicator, messages: MPICommunicator,
    tagBound: Int, progress: MPIProgress, watchdog: any Watchdog
  ) {
    self.name = name
    self.members = members
    self.rank = rank
    self.collectives = collectives
    self.messages = messages
    self.tagBound = tagBound
    self.progress = progress
    self.watchdog = watchdog
  }

  func start(_ request: Request, status: RankStatus) -> any Transfer {
    let plan = CollectivePlan(request, rank: rank, members: members.count)
    let transfer: MPITransfer
    switch request.kind {
    case .send(_, let tag), .receive(_, let tag):
      precondition((0...tagBound).contains(tag), "tag \(tag): this MPI has tags of 0 to \(tagBound)")
      transfer = MPITransfer(
        self, request, plan, number: tag, in: messages, status: status, tag: { _ in tag })
    default:
      let first = pieces, bound = tagBound
      count += 1
      pieces += plan.pieces
      transfer = MPITransfer(
        self, request, plan, number: count, in: collectives, status: status,
        tag: { (first + $0) % (bound + 1) })
    }
    progress.start(transfer)
    return transfer
  }

  /// Returns when the transfer is over; gives up where that takes longer than the watchdog allows.
  func wait(for transfer: MPITransfer, status: RankStatus) {
    status.note(transfer.plan.kind.name, transfer.number, group: name)
    let start = ContinuousClock.now
    guard !progress.wait(for: transfer, limit: watchdog.limit) else { return }
    let missing = progress.withLock { () throws(MPIFailure) in try transfer.missing(progress.library) }
    watchdog.giveUp(
      StuckWait(
        rank: members[rank], operation: status.activity.text, waited: ContinuousClock.now - start,
        missing: missing.map { members[$0] }))
  }
}
