import Tensors

/// A group whose members are threads of one process, and what is under way in it.
final class LocalGroup: @unchecked Sendable {
  let name: String
  let members: [Int]
  let monitor = Monitor()
  /// Collectives under way, by their number; guarded by the monitor.
  fileprivate var exchanges: [Int: Exchange] = [:]
  /// Messages sent and not yet received, guarded by the monitor.
  fileprivate var mail: [Address: [LocalMessage]] = [:]

  struct Address: Hashable {
    let from: Int
    let to: Int
    let tag: Int
  }

  init(_ name: String, members: [Int]) {
    self.name = name
    self.members = members
  }
}

/// One member's end of a local group.
///
/// To begin is to show one's memory to the others. Once all have, those who wait do the work in pieces, whoever
/// comes first the more of it: nobody waits for a rank that still computes, and the order of additions does not
/// depend on who makes them.
final class LocalCarrier: Carrier {
  private let group: LocalGroup
  private let rank: Int
  private unowned let watchdog: LocalCluster
  private var sequence = 0

  init(_ group: LocalGroup, rank: Int, watchdog: LocalCluster) {
    self.group = group
    self.rank = rank
    self.watchdog = watchdog
  }

  func start(_ request: Request, status: RankStatus) -> any Transfer {
    switch request.kind {
    case .send(let to, let tag):
      let message = LocalMessage(request)
      group.monitor.withLock {
        group.mail[.init(from: rank, to: to, tag: tag), default: []].append(message)
        group.monitor.wakeAll()
      }
      return LocalTransfer(
        self, "send", tag, from: to, status: status, isReady: { message.isReceived }, finish: {})
    case .receive(let from, let tag):
      return receive(request, .init(from: from, to: rank, tag: tag), status)
    default:
      sequence += 1
      return collective(request, number: sequence, status)
    }
  }

  private func receive(_ request: Request, _ address: LocalGroup.Address, _ status: RankStatus)
    -> any Transfer
  {
    LocalTransfer(
      self, "receive", address.tag, from: address.from, status: status,
      isReady: { [group] in group.mail[address]?.isEmpty == false },
      finish: { [group] in
        let message = group.monitor.withLock {
          let message = group.mail[address]?.removeFirst()
          if group.mail[address]?.isEmpty == true { group.mail[address] = nil }
          return message
        }
        guard let message else { return }
        precondition(
          message.request.input.count == request.output.count,
          "rank \(address.from) sent \(message.request.input.count) bytes, \(request.output.count) were expected"
        )
        request.output.copyMemory(from: message.request.input)
        group.monitor.withLock {
          message.isReceived = true
          group.monitor.wakeAll()
        }
      })
  }

  private func collective(_ request: Request, number: Int, _ status: RankStatus) -> any Transfer {
    let exchange = group.monitor.withLock {
      let exchange = group.exchanges[number] ?? Exchange(request, members: group.members.count)
      group.exchanges[number] = exchange
      exchange.join(request, rank: rank)
      if exchange.isComplete { group.monitor.wakeAll() }
      return exchange
    }
    return LocalTransfer(
      self, request.kind.name, number, from: nil, status: status, isReady: { exchange.isComplete },
      finish: { [group] in
        exchange.work(device: request.device, group.monitor)
        group.monitor.withLock {
          while !exchange.isDone { group.monitor.wait() }
          if exchange.leave() { group.exchanges[number] = nil }
        }
      }, missing: { exchange.missing })
  }

  /// A request of this carrier on its way.
  private final class LocalTransfer: Transfer {
    private let carrier: LocalCarrier
    private let what: StaticString
    private let number: Int
    private let partner: Int?
    private let status: RankStatus
    /// Called with the lock held.
    private let isReady: () -> Bool
    private let finish: () -> Void
    private let missing: () -> [Int]

    init(
      _ carrier: LocalCarrier, _ what: StaticString, _ number: Int, from partner: Int?, status: RankStatus,
      isReady: @escaping () -> Bool, finish: @escaping () -> Void, missing: @escaping () -> [Int] = { [] }
    ) {
      self.carrier = carrier
      self.what = what
      self.number = number
      self.partner = partner
      self.status = status
      self.isReady = isReady
      self.finish = finish
      self.missing = missing
    }

    func wait() {
      let group = carrier.group, monitor = group.monitor
      status.note(what, number, group: group.name)
      let stuck: StuckWait? = monitor.withLock {
        // Time in which the process could run: it may have been stopped, or its machine asleep.
        var waited = Duration.zero
        var last = ContinuousClock.now
        while !isReady() {
          if waited > carrier.watchdog.limit || carrier.watchdog.hasEnded {
            let places = partner.map { [$0] } ?? missing()
            return StuckWait(
              rank: group.members[carrier.rank], operation: status.activity.text, waited: waited,
              missing: places.map { group.members[$0] })
          }
          monitor.wait()
          let now = ContinuousClock.now
          waited += min(now - last, .seconds(1))
          last = now
        }
        return nil
      }
      if let stuck { carrier.watchdog.giveUp(stuck) }
      finish()
    }
  }
}

private final class LocalMessage {
  let request: Request
  /// Guarded by the group's monitor.
  var isReceived = false

  init(_ request: Request) { self.request = request }
}
