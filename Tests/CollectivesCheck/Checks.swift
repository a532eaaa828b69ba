import Collectives
import Tensors
import Topology

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Claims about collectives, checked on every rank against what the ranks' values give in rank order.
struct Checks {
  let isSpeaker: Bool
  private(set) var failures: [String] = []
  private var count = 0

  init(isSpeaker: Bool) { self.isSpeaker = isSpeaker }

  var hasFailed: Bool { !failures.isEmpty }
  var summary: String { "\(count) checks on every rank, \(failures.count) failed" }

  static let sizes = [0, 1, 7, 4096, 4097, 262_144, 1_300_001]

  mutating func run(_ cluster: MPICluster) {
    let device = Device(threads: 1)
    for group in groups(of: cluster) where group.count > 1 {
      claim("reductions", group, device) { $0.reductions(group, device) }
      claim("copies", group, device) { $0.copies(group, device) }
      claim("messages", group, device) { $0.messages(group, device) }
      claim("several at once", group, device) { $0.several(group, device) }
      claim("work goes on meanwhile", group, device) { $0.overlap(group, device) }
      claim("memory does not grow", group, device) { $0.steadyMemory(group, cluster, device) }
    }
  }

  /// The world, and where there are four ranks those of a mesh: neighbours, ranks apart, the ends of a pipeline.
  private func groups(of cluster: MPICluster) -> [Group] {
    let world = cluster.rank(of: Mesh(data: cluster.rankCount)).world
    guard cluster.rankCount == 4 else { return [world] }
    let square = cluster.rank(of: Mesh(tensor: 2, data: 2))
    return [world, square.tensor, square.data, cluster.rank(of: Mesh(pipeline: 4)).ends]
  }

  private mutating func claim(
    _ text: String, _ group: Group, _ device: Device, _ body: (inout Checks) -> Void
  ) {
    let before = failures.count
    let start = ContinuousClock.now
    body(&self)
    group.barrier(on: device)
    let result = failures.count == before ? "ok" : "FAILED"
    if isSpeaker {
      let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
      print("\(result)  \(group.name) of \(group.count): \(text) (\(milliseconds) ms)")
      fflush(nil)
    }
  }

  private mutating func check(_ isTrue: Bool, _ text: @autoclosure () -> String) {
    count += 1
    if !isTrue, failures.count < 10 { failures.append(text()) }
  }

  // MARK: Values

  /// Numbers that tell ranks and places apart and whose sums depend on the order.
  private func values(_ rank: Int, _ count: Int) -> [Float] {
    (0..<count).map { Float(rank + 1) * 1000.1 + Float($0 % 9973) * 0.37 - Float(rank * ($0 % 31)) * 1e4 }
  }

  private func tensor(_ rank: Int, _ count: Int, _ device: Device) -> Tensor {
    let x = Tensor(uninitialized: Shape(count), on: device)
    x.copy(from: values(rank, count))
    return x
  }

  private func sum(_ ranks: Int, _ values: (Int) -> [Float]) -> [Float] { fold(ranks, values: values, +) }

  private func fold(
    _ ranks: Int, values: (Int) -> [Float], _ combine: (Float, Float) -> Float
  ) -> [Float] {
    (1..<ranks).reduce(into: values(0)) { result, rank in
      let x = values(rank)
      for i in result.indices { result[i] = combine(result[i], x[i]) }
    }
  }

  private func bits(_ x: Tensor) -> [UInt32] { x.floats.map(\.bitPattern) }
  private func bits(_ x: [Float]) -> [UInt32] { x.map(\.bitPattern) }
  private func bytes(_ x: Tensor) -> [UInt8] { [UInt8](x.bytes) }

  // MARK: Claims

  private mutating func reductions(_ group: Group, _ device: Device) {
    let n = group.count
    for size in Self.sizes {
      let x = tensor(group.rank, size, device)
      group.allReduce(x)
      check(bits(x) == bits(sum(n) { values($0, size) }), "all-reduce of \(size) among \(n)")

      let y = tensor(group.rank, size, device)
      group.allReduce(y, .maximum)
      let largest = fold(n, values: { values($0, size) }, max)
      check(bits(y) == bits(largest), "maximum of \(size) among \(n)")

      let part = Tensor(uninitialized: Shape(size), on: device)
      let whole = tensor(group.rank, size * n, device)
      group.reduceScatter(whole, into: part)
      let mine = group.rank * size..<(group.rank + 1) * size
      let expected = sum(n) { Array(values($0, size * n)[mine]) }
      check(bits(part) == bits(expected), "reduce-scatter of \(size) among \(n)")

      let low = Tensor(uninitialized: Shape(size * n), .bf16, on: device)
      low.convert(from: whole)
      group.reduceScatter(low, into: part)
      let rounded = sum(n) { rank in
        let from = Tensor(uninitialized: Shape(size * n), .bf16, on: device)
        let back = Tensor(uninitialized: Shape(size * n), on: device)
        from.convert(from: tensor(rank, size * n, device))
        back.convert(from: from)
        return Array(back.floats[mine])
      }
      check(bits(part) == bits(rounded), "reduce-scatter of \(size) bf16 among \(n)")
    }
  }

  private mutating func copies(_ group: Group, _ device: Device) {
    let n = group.count
    for size in Self.sizes {
      for type in [DType.u8, .bf16, .f32] {
        func pattern(_ rank: Int, _ salt: Int) -> [UInt8] {
          (0..<size * type.size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ rank &* 7 &+ salt) }
        }
        let part = Tensor(uninitialized: Shape(size), type, on: device)
        part.bytes.copyBytes(from: pattern(group.rank, 0))
        let whole = Tensor(uninitialized: Shape(size * n), type, on: device)
        group.allGather(part, into: whole)
        check(bytes(whole) == (0..<n).flatMap { pattern($0, 0) }, "all-gather of \(size) \(type)")

        let inPlace = Tensor(uninitialized: Shape(size * n), type, on: device)
        let own = inPlace.elements(group.rank * size..<(group.rank + 1) * size, as: Shape(size))
        own.bytes.copyBytes(from: pattern(group.rank, 0))
        group.allGather(own, into: inPlace)
        check(bytes(inPlace) == bytes(whole), "all-gather of \(size) \(type) in place")

        for root in 0..<n {
          part.bytes.copyBytes(from: pattern(group.rank, 1))
          group.broadcast(part, from: root)
          check(bytes(part) == pattern(root, 1), "broadcast of \(size) \(type) from \(root)")
        }

        let from = Tensor(uninitialized: Shape(size * n), type, on: device)
        let to = Tensor(uninitialized: Shape(size * n), type, on: device)
        from.bytes.copyBytes(from: (0..<n).flatMap { pattern(group.rank, 10 + $0) })
        group.allToAll(from, into: to)
        check(
          bytes(to) == (0..<n).flatMap { pattern($0, 10 + group.rank) }, "all-to-all of \(size) \(type)")
      }
    }
    let sums = group.sum([1, Double(group.rank) * 0.1, 0, 0], on: device)
    check(
      sums == [Double(n), (0..<n).reduce(0.0) { $0 + Double($1) * 0.1 }, 0, 0], "sum of numbers: \(sums)")
  }

  /// Many tags under way, received in another order than sent, short ones and long ones.
  private mutating func messages(_ group: Group, _ device: Device) {
    let n = group.count, next = (group.rank + 1) % n, before = (group.rank + n - 1) % n, tags = 60
    func size(_ tag: Int) -> Int { tag % 10 == 9 ? 300_000 : tag % 4 == 0 ? 0 : tag * 37 }
    let sent = (0..<tags).map { tensor(group.rank + $0, size($0), device) }
    let sending = (0..<tags).map { group.startSend(sent[$0], to: next, tag: $0) }
    // A collective in between does not disturb them.
    let x = tensor(group.rank, 5000, device)
    group.allReduce(x)
    check(bits(x) == bits(sum(n) { values($0, 5000) }), "all-reduce among messages")
    let got = (0..<tags).map { Tensor(uninitialized: Shape(size($0)), on: device) }
    let order = (0..<tags).map { $0 * 7 % tags }
    let receiving = order.map { group.startReceive(got[$0], from: before, tag: $0) }
    for transfer in receiving.reversed() { transfer.wait() }
    sending.forEach { $0.wait() }
    for tag in 0..<tags {
      check(bits(got[tag]) == bits(values(before + tag, size(tag))), "message \(tag) from \(before)")
    }
    // Under one tag, in the order sent.
    let firsts = (0..<5).map { tensor(100 * group.rank + $0, 3, device) }
    let again = firsts.map { group.startSend($0, to: next, tag: 5) }
    for index in 0..<5 {
      let y = Tensor(uninitialized: Shape(3), on: device)
      group.receive(y, from: before, tag: 5)
      check(bits(y) == bits(values(100 * before + index, 3)), "message \(index) under one tag")
    }
    again.forEach { $0.wait() }
  }

  private mutating func several(_ group: Group, _ device: Device) {
    let sizes = [3, 5000, 700_001, 1, 300_000, 8]
    let tensors = sizes.map { tensor(group.rank, $0, device) }
    let pending = tensors.map { group.startAllReduce($0) }
    for transfer in pending.reversed() { transfer.wait() }
    for (x, size) in zip(tensors, sizes) {
      check(bits(x) == bits(sum(group.count) { values($0, size) }), "all-reduce of \(size) beside others")
    }
    // More pieces than any bound of tags would forgive if they were mixed up.
    for round in 0..<200 {
      let x = tensor(group.rank + round, 16, device)
      group.allReduce(x)
      check(bits(x) == bits(sum(group.count) { values($0 + round, 16) }), "all-reduce \(round)")
    }
  }

  private mutating func overlap(_ group: Group, _ device: Device) {
    let size = 2_000_000
    let x = tensor(group.rank, size, device)
    let pending = group.startAllReduce(x)
    let a = tensor(1, 256 * 256, device).reshaped(Shape(256, 256))
    let b = Tensor(uninitialized: Shape(256, 256), on: device)
    for _ in 0..<20 { b.setProduct(a, a) }
    pending.wait()
    check(bits(x) == bits(sum(group.count) { values($0, size) }), "all-reduce beside work")
  }

  /// The carrier's memory is that of the pieces under way, however many collectives there are.
  private mutating func steadyMemory(_ group: Group, _ cluster: MPICluster, _ device: Device) {
    func round() {
      let tensors = [100_000, 500_000, 2000].map { tensor(group.rank, $0, device) }
      tensors.map { group.startAllReduce($0) }.forEach { $0.wait() }
    }
    round()
    let before = cluster.scratchBytes
    for _ in 0..<20 { round() }
    check(cluster.scratchBytes == before, "memory grew from \(before) to \(cluster.scratchBytes)")
  }

  /// Messages that no 32-bit count can tell.
  mutating func huge(_ group: Group) {
    let device = Device(threads: 1), bytes = (2 << 30) + 12_345
    let x = Tensor(uninitialized: Shape(bytes), .u8, on: device)
    func value(_ i: Int, _ salt: Int) -> UInt8 { UInt8(truncatingIfNeeded: i &* 31 &+ (i >> 20) &+ salt) }
    if group.rank == 0 {
      let memory = x.bytes
      for i in 0..<bytes { memory[i] = value(i, 3) }
      group.startSend(x, to: 1, tag: 9).wait()
    } else if group.rank == 1 {
      group.receive(x, from: 0, tag: 9)
      let memory = x.bytes
      check((0..<bytes).allSatisfy { memory[$0] == value($0, 3) }, "a message of \(bytes) bytes")
    }
    group.broadcast(x, from: 1)
    check(x.bytes[bytes - 1] == value(bytes - 1, 3), "a broadcast of \(bytes) bytes")
    let y = Tensor(uninitialized: Shape(bytes * group.count), .u8, on: device)
    group.allGather(x, into: y)
    let all = y.bytes
    check(
      (0..<group.count).allSatisfy { all[($0 + 1) * bytes - 1] == value(bytes - 1, 3) },
      "an all-gather of \(bytes) bytes each")
    group.barrier(on: device)
    if isSpeaker { print("\(failures.isEmpty ? "ok" : "FAILED")  messages of \(bytes) bytes") }
  }
}
