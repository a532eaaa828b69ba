import Tensors
import Testing
import Topology

@testable import Collectives

/// Members that carry out their plans in one thread: what a stage of one sends, the same stage of another receives.
private struct PlannedGroup {
  /// The requests of all members, in order.
  let requests: [Request]

  func run() {
    let n = requests.count
    let plans = requests.enumerated().map { CollectivePlan($1, rank: $0, members: n) }
    #expect(Set(plans.map(\.pieces)).count == 1, "all members count the same pieces")
    for piece in 0..<plans[0].pieces {
      let scratch = plans.map {
        UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, $0.scratchBytes), alignment: 64)
      }
      defer { scratch.forEach { $0.deallocate() } }
      let stages = (0..<n).map {
        plans[$0].stages(
          piece, scratch: UnsafeMutableRawBufferPointer(rebasing: scratch[$0][..<plans[$0].scratchBytes]))
      }
      carryOut(stages)
    }
  }

  /// Messages match by sender and receiver, in the order sent; a member's stage ends when its messages have.
  private func carryOut(_ stages: [[CollectivePlan.Stage]]) {
    let n = stages.count
    var next = [Int](repeating: 0, count: n), posted = [Int](repeating: -1, count: n)
    var sent: [[Int]: [UnsafeRawBufferPointer]] = [:]
    var awaited = stages.map { _ in [(from: Int, memory: UnsafeMutableRawBufferPointer)]() }
    var hasMoved = true
    while hasMoved {
      hasMoved = false
      for member in 0..<n where next[member] < stages[member].count {
        let stage = stages[member][next[member]]
        if posted[member] < next[member] {
          posted[member] = next[member]
          awaited[member] = stage.receives.filter { !$0.memory.isEmpty }
          for (target, memory) in stage.sends where !memory.isEmpty {
            // As eager messages travel: a copy of what is there now.
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: memory.count, alignment: 4)
            copy.copyMemory(from: memory)
            sent[[member, target], default: []].append(UnsafeRawBufferPointer(copy))
          }
        }
        awaited[member].removeAll { source, memory in
          guard let message = sent[[source, member]]?.first else { return false }
          #expect(message.count == memory.count)
          memory.copyMemory(from: message)
          sent[[source, member]]?.removeFirst()
          message.deallocate()
          return true
        }
        guard awaited[member].isEmpty else { continue }
        stage.sum?.run()
        next[member] += 1
        hasMoved = true
      }
    }
    #expect(next == stages.map(\.count), "every member comes to its end")
    let unclaimed = sent.values.reduce(0) { $0 + $1.count }
    #expect(unclaimed == 0, "every message is received")
  }
}

@Suite struct CollectivePlanTests {
  private let device = Device(threads: 1)

  private func values(_ member: Int, _ count: Int) -> Tensor {
    let x = Tensor(uninitialized: Shape(count), on: device)
    x.copy(from: (0..<count).map { Float(member + 1) * 1000.1 - Float(($0 + member) % 997) * 37.03 })
    return x
  }

  private func request(_ kind: Request.Kind, _ input: Tensor?, _ output: Tensor) -> Request {
    let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    return Request(
      kind: kind, element: (input ?? output).dtype, input: UnsafeRawBufferPointer(input?.bytes ?? nothing),
      output: output.bytes, device: device, tensors: (input, output))
  }

  /// Group sizes that are no powers of two, and counts on both sides of every limit.
  static let members = [2, 3, 5, 8]
  static let counts = [0, 1, 2, 7, 4096, 4097, 262_145, 524_289, 2_097_153]

  @Test(
    "an all-reduce adds in the order of the members, whatever their number and the length",
    arguments: members, counts)
  func allReduce(members: Int, count: Int) {
    let x = (0..<members).map { values($0, count) }
    let sum = x.dropFirst().reduce(x[0].floats) { zip($0, $1.floats).map(+) }
    let largest = x.dropFirst().reduce(x[0].floats) { zip($0, $1.floats).map(max) }
    let y = (0..<members).map { values($0, count) }
    PlannedGroup(requests: x.map { request(.allReduce(.sum), nil, $0) }).run()
    PlannedGroup(requests: y.map { request(.allReduce(.maximum), nil, $0) }).run()
    for member in 0..<members {
      #expect(x[member].floats == sum)
      #expect(y[member].floats == largest)
    }
  }

  @Test("a reduce-scatter adds f32 and bf16 in f32", arguments: members, [0, 1, 7, 262_145])
  func reduceScatter(members: Int, part: Int) {
    for type in [DType.f32, .bf16] {
      let x = (0..<members).map { member in
        let x = Tensor(uninitialized: Shape(members * part), type, on: device)
        x.convert(from: values(member, members * part))
        return x
      }
      let floats = x.map { x in
        let y = Tensor(uninitialized: x.shape, on: device)
        y.convert(from: x)
        return y.floats
      }
      let sum = floats.dropFirst().reduce(floats[0]) { zip($0, $1).map(+) }
      let parts = (0..<members).map { _ in Tensor(uninitialized: Shape(part), on: device) }
      PlannedGroup(requests: (0..<members).map { request(.reduceScatter, x[$0], parts[$0]) }).run()
      #expect(parts.flatMap(\.floats) == sum)
    }
  }

  @Test("gathers and transposes bring every part to its place", arguments: members, [0, 1, 300_000])
  func copies(members: Int, part: Int) {
    let x = (0..<members).map { values($0, part) }
    let whole = (0..<members).map { _ in Tensor(uninitialized: Shape(members * part), on: device) }
    PlannedGroup(requests: (0..<members).map { request(.allGather, x[$0], whole[$0]) }).run()
    for member in 0..<members { #expect(whole[member].floats == x.flatMap(\.floats)) }

    let from = (0..<members).map { values($0, members * part) }
    PlannedGroup(requests: (0..<members).map { request(.allToAll, from[$0], whole[$0]) }).run()
    for member in 0..<members {
      let mine = member * part..<(member + 1) * part
      #expect(whole[member].floats == from.flatMap { Array($0.floats[mine]) })
    }
  }

  @Test("a broadcast reaches everyone from any root", arguments: [2, 3, 5, 8, 13])
  func broadcast(members: Int) {
    for root in 0..<members {
      let x = (0..<members).map { values($0, 300_000) }
      PlannedGroup(requests: x.map { request(.broadcast(root: root), nil, $0) }).run()
      for member in 0..<members { #expect(x[member].floats == values(root, 300_000).floats) }
    }
  }
}
