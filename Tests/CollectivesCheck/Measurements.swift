import Collectives
import Tensors

/// How long collectives take, and how much of one hides behind work.
struct Measurements {
  private let group: Group
  private let device = Device(threads: 1)

  init(_ group: Group) { self.group = group }

  func run() {
    let long = 16 << 20
    report("all-reduce of 8 B", median(2000) { group.allReduce($0) }, count: 2)
    report("all-reduce of 64 KiB", median(200, count: 16 << 10) { group.allReduce($0) }, count: 16 << 10)
    report("all-reduce of 64 MiB", median(9, count: long) { group.allReduce($0) }, count: long)
    let part = Tensor(uninitialized: Shape(long / group.count), on: device)
    report(
      "reduce-scatter of 64 MiB", median(9, count: long) { group.reduceScatter($0, into: part) }, count: long)
    report(
      "all-gather of 64 MiB", median(9, count: long) { group.allGather(part, into: $0) }, count: long)
    report("ping-pong of 8 B, there and back", median(2000) { pingPong($0) }, count: 2)
    overlap(long)
  }

  private func report(_ what: String, _ seconds: Double, count: Int) {
    guard group.rank == 0 else { return }
    let rate = Double(count * 4) / seconds / 1e9
    print("\(what), \(group.count) ranks: \(text(seconds)), \(Double(Int(rate * 100)) / 100) GB/s")
  }

  private func text(_ seconds: Double) -> String {
    seconds < 1e-3 ? "\(Double(Int(seconds * 1e7)) / 10) µs" : "\(Double(Int(seconds * 1e4)) / 10) ms"
  }

  private func median(_ rounds: Int, count: Int = 2, _ body: (Tensor) -> Void) -> Double {
    let x = Tensor(zeros: Shape(count), on: device)
    group.barrier(on: device)
    body(x)
    let times = (0..<rounds).map { _ in seconds { body(x) } }.sorted()
    return times[rounds / 2]
  }

  private func seconds(_ body: () -> Void) -> Double {
    let start = ContinuousClock.now
    body()
    return Double((ContinuousClock.now - start) / .nanoseconds(1)) * 1e-9
  }

  private func pingPong(_ x: Tensor) {
    guard group.rank < 2 else { return }
    if group.rank == 0 {
      group.startSend(x, to: 1, tag: 0).wait()
      group.receive(x, from: 1, tag: 1)
    } else {
      group.receive(x, from: 0, tag: 0)
      group.startSend(x, to: 0, tag: 1).wait()
    }
  }

  /// An all-reduce that begins before some 300 ms of products: what is left to wait for behind them.
  private func overlap(_ count: Int) {
    let a = Tensor(zeros: Shape(512, 512), on: device), b = Tensor(uninitialized: Shape(512, 512), on: device)
    let x = Tensor(zeros: Shape(count), on: device)
    func work() { for _ in 0..<80 { b.setProduct(a, a) } }
    work()
    group.barrier(on: device)
    let alone = seconds(work)
    group.barrier(on: device)
    let exchange = seconds { group.allReduce(x) }
    group.barrier(on: device)
    var tail = 0.0
    let both = seconds {
      let pending = group.startAllReduce(x)
      work()
      tail = seconds { pending.wait() }
    }
    group.barrier(on: device)
    guard group.rank == 0 else { return }
    print(
      "overlap, \(group.count) ranks: work \(text(alone)), all-reduce of 64 MiB \(text(exchange)), "
        + "together \(text(both)), of which waiting \(text(tail))")
  }
}
