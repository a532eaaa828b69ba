import Tensors

/// Ranks that communicate, as one of them sees it.
///
/// A group of one is the identity: one rank and many run the same code. Every method but the `start…` ones returns
/// when the result is there; between `start…` and `wait()` neither side's memory may be touched.
package final class Group {
  /// For people: "tensor", "data".
  package let name: String
  /// This rank's place in it.
  package let rank: Int
  /// The members' ranks in the world, in order.
  package let members: [Int]
  package let status: RankStatus
  private let carrier: (any Carrier)?
  /// How long this rank has waited in it: communication that nothing hid.
  package fileprivate(set) var exposed = Duration.zero

  package init(_ name: String, members: [Int], rank: Int, status: RankStatus, carrier: (any Carrier)?) {
    precondition(members.indices.contains(rank) && (members.count == 1 || carrier != nil))
    self.name = name
    self.members = members
    self.rank = rank
    self.status = status
    self.carrier = members.count == 1 ? nil : carrier
  }

  /// A group of one rank.
  package static func alone(_ name: String = "world") -> Group {
    Group(name, members: [0], rank: 0, status: RankStatus(rank: 0), carrier: nil)
  }

  package var count: Int { members.count }

  /// x = the reduction of every member's x, in place; f32.
  package func allReduce(_ x: Tensor, _ reduction: Reduction = .sum) {
    startAllReduce(x, reduction).wait()
  }

  package func startAllReduce(_ x: Tensor, _ reduction: Reduction = .sum) -> Pending {
    precondition(x.dtype == .f32, "an all-reduce adds f32, got \(x.dtype)")
    return start(.allReduce(reduction), input: nil, output: x)
  }

  /// part = this member's part of the sum of every member's x.  x: f32 or bf16, `count` times as long as part: f32.
  package func reduceScatter(_ x: Tensor, into part: Tensor) { startReduceScatter(x, into: part).wait() }

  package func startReduceScatter(_ x: Tensor, into part: Tensor) -> Pending {
    precondition(
      x.count == part.count * count && part.dtype == .f32, "\(x.shape) into \(count) × \(part.shape)")
    if carrier == nil { x.dtype == .f32 ? part.copy(from: x.reshaped(part.shape)) : part.convert(from: x) }
    return start(.reduceScatter, input: x, output: part)
  }

  /// whole = every member's part, one behind the other.
  package func allGather(_ part: Tensor, into whole: Tensor) { startAllGather(part, into: whole).wait() }

  package func startAllGather(_ part: Tensor, into whole: Tensor) -> Pending {
    precondition(
      whole.count == part.count * count && whole.dtype == part.dtype,
      "\(count) × \(part.shape) into \(whole.shape)")
    if carrier == nil, part.raw != whole.raw { whole.copyRows(from: part.reshaped(whole.shape)) }
    return start(.allGather, input: part, output: whole)
  }

  /// x = member `root`'s x.
  package func broadcast(_ x: Tensor, from root: Int) {
    start(.broadcast(root: root), input: nil, output: x).wait()
  }

  /// Part r of `output` = this member's part of member r's `input`.
  package func allToAll(_ input: Tensor, into output: Tensor) {
    precondition(
      input.count == output.count && input.count % count == 0 && input.dtype == output.dtype,
      "\(input.shape) into \(output.shape) among \(count)")
    if carrier == nil { output.copyRows(from: input.reshaped(output.shape)) }
    start(.allToAll, input: input, output: output).wait()
  }

  /// Sends x to member `other`, which receives it under the same tag. x is not changed before `wait()`.
  package func startSend(_ x: Tensor, to other: Int, tag: Int) -> Pending {
    precondition(other != rank && members.indices.contains(other), "member \(other) of \(count)")
    return start(.send(to: other, tag: tag), input: x, output: nil)
  }

  package func startReceive(_ x: Tensor, from other: Int, tag: Int) -> Pending {
    precondition(other != rank && members.indices.contains(other), "member \(other) of \(count)")
    return start(.receive(from: other, tag: tag), input: nil, output: x)
  }

  package func receive(_ x: Tensor, from other: Int, tag: Int) {
    startReceive(x, from: other, tag: tag).wait()
  }

  /// Every member's values, in the order of the members.
  package func gather(_ values: [Double], on device: Device) -> [[Double]] {
    guard carrier != nil else { return [values] }
    let size = values.count * MemoryLayout<Double>.size
    let part = Tensor(uninitialized: Shape(size), .u8, on: device)
    let whole = Tensor(uninitialized: Shape(count * size), .u8, on: device)
    values.withUnsafeBytes { part.bytes.copyMemory(from: $0) }
    allGather(part, into: whole)
    let all = whole.bytes.bindMemory(to: Double.self)
    return (0..<count).map { Array(all[$0 * values.count..<($0 + 1) * values.count]) }
  }

  /// The sum over the members of each value, added in their order. Of one member, nothing is allocated.
  package func sum(_ values: SIMD4<Double>, on device: Device) -> SIMD4<Double> {
    guard carrier != nil else { return values }
    return gather((0..<4).map { values[$0] }, on: device).reduce(.zero) { $0 + SIMD4($1) }
  }

  /// Returns when every member has come here.
  package func barrier(on device: Device) { _ = gather([0], on: device) }

  private func start(_ kind: Request.Kind, input: Tensor?, output: Tensor?) -> Pending {
    guard let carrier, let device = (output ?? input)?.device else {
      return Pending(group: self, transfer: nil)
    }
    let request = Request(
      kind: kind, element: (input ?? output)?.dtype ?? .f32,
      input: UnsafeRawBufferPointer(input?.bytes ?? UnsafeMutableRawBufferPointer(start: nil, count: 0)),
      output: output?.bytes ?? UnsafeMutableRawBufferPointer(start: nil, count: 0), device: device,
      tensors: (input, output))
    return Pending(group: self, transfer: carrier.start(request, status: status))
  }
}

/// What a `start…` method of a group returns.
package struct Pending {
  fileprivate let group: Group
  fileprivate let transfer: (any Transfer)?

  /// Returns when the transfer is over.
  package func wait() {
    guard let transfer else { return }
    let start = ContinuousClock.now
    transfer.wait()
    group.exposed += ContinuousClock.now - start
  }
}
