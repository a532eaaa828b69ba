import Collectives
import Telemetry
import Tensors
import Topology

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Collectives of 64 MiB between two ranks of one thread, beside what memcpy does on the same threads.
struct CollectiveMeasurements {
  private static let ranks = 2
  private static let rounds = 20
  private static let bytes = 64 << 20

  /// What one round took, the slower rank's time of each.
  private struct Round: Sendable {
    var copy = 0.0
    var allReduce = 0.0
    var reduceScatter = 0.0
    var allGather = 0.0
  }

  func run() throws {
    let rounds = try LocalCluster.run(Mesh(data: Self.ranks)) { rank in Self.measure(rank.data) }[0]
    let copy = rounds.map(\.copy).median
    // memcpy reads and writes what it copies.
    let bandwidth = Double(2 * Self.ranks * Self.bytes) / copy
    print(
      """
      64 MiB between \(Self.ranks) ranks of 1 thread, local carrier; \(Self.rounds) rounds of all four in turns, the \
      slower rank's time.
      memcpy: each rank copies 64 MiB, both at once; reads and writes counted, \(gigabytes(bandwidth)). Bound: every
      rank's input read once and its output written once at that rate.
      """)
    var table = Table(["", "median, ms", "fastest", "slowest", "64 MiB at", "bound, ms", "ratio"])
    table.append(row: row("memcpy", rounds.map(\.copy), bound: copy))
    table.append(row: row("all-reduce", rounds.map(\.allReduce), bound: copy))
    // Of the n reads and n writes of 64 MiB, the reads or the writes are of parts: 64 MiB together.
    let once = Double(Self.ranks + 1) / Double(2 * Self.ranks) * copy
    table.append(row: row("reduce-scatter", rounds.map(\.reduceScatter), bound: once))
    table.append(row: row("all-gather", rounds.map(\.allGather), bound: once))
    print("\n\(table)")
  }

  private static func measure(_ group: Group) -> [Round] {
    let device = Device(threads: 1)
    let count = bytes / MemoryLayout<Float>.size
    let x = Tensor(uninitialized: Shape(count), on: device)
    let copy = Tensor(zeros: Shape(count), on: device)
    let part = Tensor(zeros: Shape(count / group.count), on: device)
    func slower(_ body: () -> Void) -> Double {
      group.barrier(on: device)
      let start = ContinuousClock.now
      body()
      let seconds = (ContinuousClock.now - start).seconds
      return group.gather([seconds], on: device).reduce(0) { max($0, $1[0]) }
    }
    let all = (0...rounds).map { _ in
      x.fill(1)
      let round = Round(
        copy: slower { memcpy(copy.raw, x.raw, bytes) }, allReduce: slower { group.allReduce(x) },
        reduceScatter: slower { group.reduceScatter(x, into: part) },
        allGather: slower { group.allGather(part, into: copy) })
      let expected = Float(group.count * group.count)
      precondition(copy.floats.allSatisfy { $0 == expected }, "the collectives do not add up")
      return round
    }
    // The first touches memory for the first time.
    return Array(all.dropFirst())
  }

  private func row(_ name: String, _ seconds: [Double], bound: Double) -> [String] {
    let median = seconds.median
    return [name]
      + [median, seconds.min() ?? 0, seconds.max() ?? 0].map { Brief.fixed($0 * 1e3, 2) }
      + [
        gigabytes(Double(Self.bytes) / median), Brief.fixed(bound * 1e3, 2), Brief.fixed(median / bound, 2),
      ]
  }

  private func gigabytes(_ rate: Double) -> String { Brief.fixed(rate / 1e9, 2) + " GB/s" }
}
