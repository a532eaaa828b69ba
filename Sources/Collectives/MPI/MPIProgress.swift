import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Moves the messages of a process: MPI does nothing between its calls.
///
/// Whoever waits drives everything that is under way. While nobody waits and something is under way, a thread of its
/// own does, so that messages travel while the rank computes; it also answers what other ranks ask. All calls of MPI
/// after its start are made under one lock.
final class MPIProgress: @unchecked Sendable {
  let library: MPILibrary
  private let monitor = Monitor()
  private let thread = DispatchQueue(label: "needletail.mpi")
  // What follows is guarded by the monitor.
  private var active: [MPITransfer] = []
  private var scratch = ScratchMemory()
  private var waiters = 0
  /// Whether the thread has to be woken.
  private var isAsleep = false
  private var hasEnded = false
  private var service: (() throws(MPIFailure) -> Void)?

  init(_ library: MPILibrary) { self.library = library }

  /// Begins to drive. `service` is called several times a second, with the lock held.
  func run(service: @escaping () throws(MPIFailure) -> Void) {
    monitor.withLock { self.service = service }
    thread.async { [self] in drive() }
  }

  /// Returns when the thread has left; nothing is under way then.
  func stop() {
    monitor.withLock {
      hasEnded = true
      monitor.wakeAll()
    }
    thread.sync {}
  }

  /// Makes calls of MPI. What goes wrong there ends the job: a message that is lost cannot be made up for.
  func withLock<T>(_ body: () throws(MPIFailure) -> T) -> T {
    monitor.withLock {
      do throws(MPIFailure) {
        return try body()
      } catch {
        endJob(status: MPICluster.failureStatus, "error: \(error)")
      }
    }
  }

  /// Bytes kept for messages that wait to be added.
  var scratchBytes: Int { monitor.withLock { scratch.reservedBytes } }

  func start(_ transfer: MPITransfer) {
    withLock { () throws(MPIFailure) in
      _ = try transfer.advance(library, &scratch)
      guard !transfer.isOver else { return }
      active.append(transfer)
      if isAsleep { monitor.wakeAll() }
    }
  }

  /// Returns true when `transfer` is over, false when that takes longer than `limit`.
  func wait(for transfer: MPITransfer, limit: Duration) -> Bool {
    var pace = Pace(), isOver = false, isFirst = true
    repeat {
      isOver = withLock { () throws(MPIFailure) in
        waiters += isFirst ? 1 : 0
        isFirst = false
        pace.note(try advance())
        if transfer.isOver {
          waiters -= 1
          if waiters == 0, !active.isEmpty, isAsleep { monitor.wakeAll() }
        }
        return transfer.isOver
      }
      if !isOver { pace.pause() }
    } while !isOver && pace.waited < limit
    return isOver
  }

  /// Moves what is under way; call with the lock held. True where something has changed.
  private func advance() throws(MPIFailure) -> Bool {
    var hasMoved = false, index = 0
    while index < active.count {
      if try active[index].advance(library, &scratch) { hasMoved = true }
      if active[index].isOver { active.remove(at: index) } else { index += 1 }
    }
    return hasMoved
  }

  /// The life of the thread. While transfers come and go it looks by itself, twice a millisecond: a rank that begins
  /// one and waits for it at once does not pay for waking a thread that it does not need.
  private func drive() {
    var pace = Pace(), served = ContinuousClock.now, looks = 0, goesOn = true
    while goesOn {
      var isNeeded = false
      withLock { () throws(MPIFailure) in
        isNeeded = waiters == 0 && !active.isEmpty
        if isNeeded {
          pace.note(try advance())
          looks = 0
        } else if looks == 100 {
          isAsleep = true
          monitor.wait()
          isAsleep = false
          looks = 0
        } else {
          pace = Pace()
          looks += 1
        }
        if ContinuousClock.now - served > .milliseconds(100) {
          served = .now
          try service?()
        }
        goesOn = !hasEnded
      }
      if isNeeded { pace.sleep() } else { usleep(500) }
    }
  }

  /// Ends every process of the job; call with the lock held.
  func endJob(status: Int32, _ message: String) -> Never {
    let line = Array("\(message)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    fflush(nil)
    library.abort(status: status)
    _exit(status)
  }
}

/// How long to wait before looking again: ranks may outnumber processors, and one that spins keeps another from what
/// it is waited for.
private struct Pace {
  private let start = ContinuousClock.now
  private var moved = ContinuousClock.now
  private var naps: UInt32 = 0

  /// As of the last pause.
  private(set) var waited = Duration.zero

  mutating func note(_ hasMoved: Bool) {
    guard hasMoved else { return }
    moved = .now
    naps = 0
  }

  /// Gives way for half a millisecond, then sleeps.
  mutating func pause() {
    let now = ContinuousClock.now
    waited = now - start
    if now - moved < .microseconds(500) { sched_yield() } else { sleep() }
  }

  /// Sleeps for 20 to 100 µs.
  mutating func sleep() {
    naps = min(naps + 1, 5)
    usleep(20 * naps)
  }
}
