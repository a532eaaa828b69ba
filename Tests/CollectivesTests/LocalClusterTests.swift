import Tensors
import Testing
import Topology

@testable import Collectives

/// Numbers that tell ranks and places apart.
private func values(rank: Int, count: Int) -> [Float] {
  (0..<count).map { Float(rank + 1) * 1000.1 + Float($0 % 997) * 0.37 }
}

@Suite struct LocalClusterTests {
  static let shapes: [(ranks: Int, count: Int)] = [
    (1, 5), (2, 1), (2, 262_145), (3, 7), (4, 300_001), (8, 64),
  ]

  private func run<T>(_ ranks: Int, _ body: @escaping @Sendable (Group, Device) throws -> T) throws -> [T] {
    try LocalCluster.run(Mesh(data: ranks), limit: .seconds(60)) { try body($0.data, Device(threads: 1)) }
  }

  @Test("an all-reduce gives every rank the sum in the order of the ranks", arguments: shapes)
  func allReduce(ranks: Int, count: Int) throws {
    let all = (0..<ranks).map { values(rank: $0, count: count) }
    let sum = (0..<count).map { i in all.dropFirst().reduce(all[0][i]) { $0 + $1[i] } }
    let results = try run(ranks) { group, device in
      let x = Tensor(values(rank: group.rank, count: count), Shape(count), on: device)
      group.allReduce(x)
      return x.floats
    }
    for result in results { #expect(result == sum) }
  }

  @Test("a maximum is a maximum")
  func maximum() throws {
    let results = try run(3) { group, device in
      let x = Tensor([Float(group.rank), -Float(group.rank), 5], Shape(3), on: device)
      group.allReduce(x, .maximum)
      return x.floats
    }
    #expect(results == [[2, 0, 5], [2, 0, 5], [2, 0, 5]])
  }

  @Test("reduce-scatter and all-gather are an all-reduce, f32 and bf16", arguments: [(2, 6), (4, 400_000)])
  func scatterGather(ranks: Int, count: Int) throws {
    let results = try run(ranks) { group, device in
      let x = Tensor(values(rank: group.rank, count: count), Shape(count), on: device)
      let part = Tensor(uninitialized: Shape(count / ranks), on: device)
      let whole = Tensor(uninitialized: Shape(count), on: device)
      group.reduceScatter(x, into: part)
      group.allGather(part, into: whole)
      let low = Tensor(uninitialized: Shape(count), .bf16, on: device)
      low.convert(from: x)
      let rounded = Tensor(uninitialized: Shape(count), on: device)
      rounded.convert(from: low)
      group.reduceScatter(low, into: part)
      let wholeLow = Tensor(uninitialized: Shape(count), on: device)
      group.allGather(part, into: wholeLow)
      group.allReduce(x)
      group.allReduce(rounded)
      return [whole.floats == x.floats, wholeLow.floats == rounded.floats]
    }
    #expect(results.allSatisfy { $0 == [true, true] })
  }

  @Test("an all-to-all transposes ranks and parts")
  func allToAll() throws {
    let results = try run(3) { group, device in
      let x = Tensor((0..<6).map { Float(10 * group.rank + $0) }, Shape(6), on: device)
      let y = Tensor(uninitialized: Shape(6), on: device)
      group.allToAll(x, into: y)
      return y.floats
    }
    #expect(results[1] == [2, 3, 12, 13, 22, 23])
  }

  @Test("a broadcast is the root's, a sum of numbers everybody's")
  func broadcast() throws {
    let results = try run(4) { group, device in
      let x = Tensor(values(rank: group.rank, count: 9), Shape(9), on: device)
      group.broadcast(x, from: 2)
      return (x.floats, group.sum([1, Double(group.rank)], on: device))
    }
    for (x, sum) in results {
      #expect(x == values(rank: 2, count: 9))
      #expect(sum == [4, 6])
    }
  }

  @Test("messages find their receivers by sender and tag, in any order")
  func messages() throws {
    let results = try run(3) { group, device in
      let next = (group.rank + 1) % 3, before = (group.rank + 2) % 3
      let sent = (0..<20).map { Tensor([Float(100 * group.rank + $0)], Shape(1), on: device) }
      let pending = (0..<20).map { group.startSend(sent[$0], to: next, tag: $0) }
      var got: [Float] = []
      for tag in (0..<20).reversed() {
        let x = Tensor(uninitialized: Shape(1), on: device)
        group.receive(x, from: before, tag: tag)
        got += x.floats
      }
      pending.forEach { $0.wait() }
      return got == (0..<20).reversed().map { Float(100 * before + $0) }
    }
    #expect(results == [true, true, true])
  }

  @Test("what was started is done when it is waited for, whatever happens between")
  func overlap() throws {
    let results = try run(2) { group, device in
      let tensors = (0..<8).map {
        Tensor(values(rank: group.rank, count: 1000 + $0), Shape(1000 + $0), on: device)
      }
      let pending = tensors.map { group.startAllReduce($0) }
      for transfer in pending.reversed() { transfer.wait() }
      return tensors.map(\.floats)
    }
    #expect(results[0] == results[1])
    #expect(results[0][3][0] == values(rank: 0, count: 1)[0] + values(rank: 1, count: 1)[0])
  }

  @Test("a rank that does not come is named, with what it did last")
  func stuck() {
    #expect {
      _ = try LocalCluster.run(Mesh(data: 3), limit: .milliseconds(300)) { rank in
        let device = Device(threads: 1)
        rank.data.allReduce(Tensor(zeros: Shape(1), on: device))
        rank.status.note("forward of microbatch", 7)
        if rank.index == 1 { while true { _ = rank.status.step } }
        rank.data.allReduce(Tensor(zeros: Shape(1), on: device))
      }
    } throws: { error in
      let text = "\(error)"
      return text.contains("in all-reduce 2 of the data group: rank 1 has not come")
        && text.contains("rank 1: step 0, in forward of microbatch 7")
    }
  }

  @Test("an error of one rank ends the job at once")
  func failing() {
    struct Failing: Error {}
    #expect(throws: Failing.self) {
      _ = try LocalCluster.run(Mesh(data: 2)) { rank in
        if rank.index == 1 { throw Failing() }
        rank.data.barrier(on: Device(threads: 1))
      }
    }
  }
}
