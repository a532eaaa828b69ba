import Synchronization
import Topology

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ranks that are threads of this process and reduce through its memory: what `--ranks` starts, and what tests
/// run whole clusters with.
package final class LocalCluster: Watchdog, @unchecked Sendable {
  package let limit: Duration
  private let statuses: [RankStatus]
  private let monitor = Monitor()
  private var groups: [String: LocalGroup] = [:]
  private var end: End?
  private let onFailure: @Sendable (String) -> Void

  /// Why the ranks should not go on.
  private enum End {
    case stuck(String)
    case thrown(any Error)
  }

  /// Runs `body` once for each rank of `mesh`, on threads of their own, and returns what each came to, in order.
  ///
  /// The first error of a rank is thrown at once; the others stop where they next wait, and their threads stay.
  ///
  /// - Parameters:
  ///   - limit: how long a rank waits for others before the job ends.
  ///   - onStuck: gets the message that names the missing ranks; the process is expected to end in it.
  package static func run<T>(
    _ mesh: Mesh, limit: Duration = .seconds(600), onStuck: @escaping @Sendable (String) -> Void = { _ in },
    _ body: @escaping @Sendable (Rank) throws -> T
  ) throws -> [T] {
    let cluster = LocalCluster(ranks: mesh.rankCount, limit: limit, onFailure: onStuck)
    let results = Results<T>(count: mesh.rankCount)
    for index in 0..<mesh.rankCount {
      let thread = RankThread {
        do {
          let result = try body(cluster.rank(index, of: mesh))
          cluster.monitor.withLock {
            results.values[index] = result
            cluster.monitor.wakeAll()
          }
        } catch {
          cluster.finish(.thrown(error))
        }
      }
      thread.start()
    }
    return try cluster.monitor.withLock {
      while true {
        switch cluster.end {
        case .thrown(let error): throw error
        case .stuck(let message): throw Stuck(description: message)
        case nil: break
        }
        let done = results.values.compactMap(\.self)
        if done.count == mesh.rankCount { return done }
        cluster.monitor.wait()
      }
    }
  }

  /// Thrown by `run` when the ranks waited for each other in vain.
  package struct Stuck: Error, CustomStringConvertible {
    package let description: String
  }

  private final class Results<T>: @unchecked Sendable {
    var values: [T?]
    init(count: Int) { values = [T?](repeating: nil, count: count) }
  }

  private init(ranks: Int, limit: Duration, onFailure: @escaping @Sendable (String) -> Void) {
    statuses = (0..<ranks).map { RankStatus(rank: $0) }
    self.limit = limit
    self.onFailure = onFailure
  }

  private func rank(_ index: Int, of mesh: Mesh) -> Rank {
    Rank(mesh: mesh, index: index, status: statuses[index]) { name, members in
      guard members.count > 1, let place = members.firstIndex(of: index) else {
        return Group(name, members: [index], rank: 0, status: self.statuses[index], carrier: nil)
      }
      let shared = self.monitor.withLock {
        let key = "\(name) \(members)"
        let group = self.groups[key] ?? LocalGroup(name, members: members)
        self.groups[key] = group
        return group
      }
      return Group(
        name, members: members, rank: place, status: self.statuses[index],
        carrier: LocalCarrier(shared, rank: place, watchdog: self))
    }
  }

  /// Whether ranks should stop where they are.
  var hasEnded: Bool { monitor.withLock { end != nil } }

  private func finish(_ end: End) {
    let isFirst = monitor.withLock {
      guard self.end == nil else { return false }
      self.end = end
      monitor.wakeAll()
      return true
    }
    if isFirst, case .stuck(let message) = end { onFailure(message) }
  }

  package func giveUp(_ wait: StuckWait) -> Never {
    if !hasEnded { finish(.stuck(wait.message(statuses.map { $0.report() }))) }
    // Nobody unwinds a rank that stands in the middle of a layer.
    while true { sleep(1000) }
  }
}

/// A thread for a rank, with the stack of a process.
private struct RankThread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
  private let body: Body

  init(_ run: @escaping @Sendable () -> Void) { body = Body(run) }

  func start() {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 16 << 20)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let status = pthread_create(
      &thread, &attributes,
      { context in
        #if canImport(Darwin)
          Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        #else
          if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        #endif
        return nil
      }, Unmanaged.passRetained(body).toOpaque())
    precondition(status == 0, "cannot start a thread for a rank: error \(status)")
  }
}
