import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ctrl-C, SIGTERM and SIGUSR1 as a question that a run asks between steps. The second one ends the process at once.
///
/// SIGUSR1 asks for what SIGTERM does: it is what Open MPI's `mpirun` hands on to its ranks at once and as it is.
final class Interruption: @unchecked Sendable {
  private let count = Atomic(0)
  private let terminations = Atomic(0)
  private var sources: [any DispatchSourceSignal] = []

  init() {
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [unowned self] in
        if number != SIGINT { terminations.add(1, ordering: .relaxed) }
        if count.add(1, ordering: .relaxed).newValue > 1 { _exit(128 + number) }
      }
      source.resume()
      sources.append(source)
    }
  }

  deinit { for source in sources { source.cancel() } }

  /// Whether a scheduler asked: SIGTERM or SIGUSR1.
  var isTermination: Bool { terminations.load(ordering: .relaxed) > 0 }

  var isAsked: Bool { count.load(ordering: .relaxed) > 0 }
}
