/// Walks along what a rank does and tells when it is done: one clock for its computing, one for each network.
///
/// Where transfers overlap, one sets out when the code asks for it and the network is free, and the code waits for it
/// where it needs the result. Elsewhere the code waits at once.
struct Clock {
  /// Where the rank stands.
  private(set) var now: Double
  /// Seconds in operations.
  private(set) var computing = 0.0
  /// Seconds in which the rank waited for transfers.
  private(set) var exposed: [Message.Among: Double] = [:]
  private var free: [Message.Among: Double] = [:]
  private var arrivals: [Int: (among: Message.Among, time: Double)] = [:]
  private let overlap: Set<Message.Among>

  init(at start: Double = 0, overlap: Set<Message.Among>) {
    now = start
    self.overlap = overlap
  }

  mutating func compute(_ seconds: Double) {
    now += seconds
    computing += seconds
  }

  /// - Parameter earliest: when it can set out; nil: now.
  mutating func begin(_ among: Message.Among, id: Int, seconds: Double, earliest: Double? = nil) {
    guard overlap.contains(among) else {
      // Nothing hides it, wherever it was asked for.
      now += seconds
      exposed[among, default: 0] += seconds
      arrivals[id] = (among, now)
      return
    }
    let arrival = max(earliest ?? now, free[among, default: 0]) + seconds
    free[among] = arrival
    arrivals[id] = (among, arrival)
  }

  mutating func wait(id: Int) {
    guard let arrival = arrivals.removeValue(forKey: id), arrival.time > now else { return }
    exposed[arrival.among, default: 0] += arrival.time - now
    now = arrival.time
  }

  /// Goes on no earlier than `time`: others have to come first.
  mutating func wait(until time: Double) { now = max(now, time) }
}
