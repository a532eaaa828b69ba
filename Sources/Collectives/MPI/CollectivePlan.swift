import Tensors
import Topology

/// A request of one member as messages and sums: what to exchange, piece by piece and stage by stage.
///
/// Long collectives are cut into pieces that go on side by side, each with messages of up to 1 MiB: while one piece is
/// added up the next is on its way, and what waits to be added is still in the cache. Within a piece every member
/// sends to every other at once, so that sums can be made in the order of the ranks: a member moves as many bytes
/// as on a ring, in two steps in place of 2(n−1).
struct CollectivePlan {
  /// Messages that may be under way together, and what to add up when all have arrived. Empty ones are not sent.
  struct Stage {
    var receives: [(from: Int, memory: UnsafeMutableRawBufferPointer)] = []
    var sends: [(to: Int, memory: UnsafeRawBufferPointer)] = []
    var sum: RankOrderSum?
  }

  /// Bytes of a message of a reduction or a broadcast.
  private static let messageBytes = 1 << 20
  /// An all-reduce of so few bytes is one exchange of everything: half the latency.
  private static let shortBytes = 16 << 10

  let kind: Request.Kind
  private let element: DType
  private let input: UnsafeRawBufferPointer
  private let output: UnsafeMutableRawBufferPointer
  private let rank: Int
  private let members: Int

  init(_ request: Request, rank: Int, members: Int) {
    kind = request.kind
    element = request.element
    input = request.input
    output = request.output
    self.rank = rank
    self.members = members
  }

  /// Pieces of the request; all members count the same.
  var pieces: Int {
    switch kind {
    case .allReduce:
      isShort ? 1 : (output.count + members * Self.messageBytes - 1) / (members * Self.messageBytes)
    case .reduceScatter: max(1, (output.count + Self.messageBytes - 1) / Self.messageBytes)
    case .broadcast: max(1, (output.count + Self.messageBytes - 1) / Self.messageBytes)
    case .allGather, .allToAll, .send, .receive: 1
    }
  }

  private var isShort: Bool { output.count <= Self.shortBytes }

  /// Memory that a piece needs while it goes on: a slot for each member.
  var scratchBytes: Int {
    switch kind {
    case .allReduce: members * (isShort ? output.count : min(Self.messageBytes, output.count))
    case .reduceScatter: members * min(Self.messageBytes, output.count)
    case .allGather, .broadcast, .allToAll, .send, .receive: 0
    }
  }

  /// The stages of piece `piece`, one after the other.
  func stages(_ piece: Int, scratch: UnsafeMutableRawBufferPointer) -> [Stage] {
    switch kind {
    case .allReduce(let reduction):
      isShort ? [exchange(reduction, scratch)] : allReduce(piece, reduction, scratch)
    case .reduceScatter: [reduceScatter(piece, scratch)]
    case .allGather: [allGather()]
    case .broadcast(let root): broadcast(piece, from: root)
    case .allToAll: [allToAll()]
    case .send(let other, _): [Stage(sends: [(other, input)])]
    case .receive(let other, _): [Stage(receives: [(other, output)])]
    }
  }

  // MARK: Reductions

  /// Everything to everyone.
  private func exchange(_ reduction: Reduction, _ scratch: UnsafeMutableRawBufferPointer) -> Stage {
    let own = UnsafeRawBufferPointer(output)
    return collect(scratch, slot: output.count, into: output, own: own, .f32, reduction) { _ in own }
  }

  private func allReduce(
    _ piece: Int, _ reduction: Reduction, _ scratch: UnsafeMutableRawBufferPointer
  ) -> [Stage] {
    let size = DType.f32.size, longest = members * Self.messageBytes / size
    let first = piece * longest, count = min(longest, output.count / size - first)
    func part(_ member: Int) -> UnsafeMutableRawBufferPointer {
      let range = Range.part(member, of: members, count: count)
      return bytes(of: output, (first + range.lowerBound) * size..<(first + range.upperBound) * size)
    }
    let mine = part(rank)
    let reduce = collect(
      scratch, slot: scratch.count / members, into: mine, own: UnsafeRawBufferPointer(mine), .f32, reduction
    ) { UnsafeRawBufferPointer(part($0)) }
    let spread = Stage(
      receives: sources.map { ($0, part($0)) }, sends: targets.map { ($0, UnsafeRawBufferPointer(mine)) })
    return [reduce, spread]
  }

  private func reduceScatter(_ piece: Int, _ scratch: UnsafeMutableRawBufferPointer) -> Stage {
    let size = DType.f32.size, longest = Self.messageBytes / size, whole = output.count / size
    let range = piece * longest..<min(whole, (piece + 1) * longest)
    func part(_ member: Int) -> UnsafeRawBufferPointer {
      let first = member * whole
      return UnsafeRawBufferPointer(
        rebasing: input[
          (first + range.lowerBound) * element.size..<(first + range.upperBound) * element.size])
    }
    return collect(
      scratch, slot: scratch.count / members,
      into: bytes(of: output, range.lowerBound * size..<range.upperBound * size), own: part(rank), element,
      .sum, part)
  }

  /// Sends `part(r)` to every member r, receives what they have for this one, and reduces it into `target`.
  private func collect(
    _ scratch: UnsafeMutableRawBufferPointer, slot: Int, into target: UnsafeMutableRawBufferPointer,
    own: UnsafeRawBufferPointer, _ element: DType, _ reduction: Reduction,
    _ part: (Int) -> UnsafeRawBufferPointer
  ) -> Stage {
    var stage = Stage(sends: targets.map { ($0, part($0)) })
    guard let output = target.baseAddress, let start = own.baseAddress, !own.isEmpty else { return stage }
    stage.receives = sources.map { ($0, bytes(of: scratch, $0 * slot..<$0 * slot + own.count)) }
    var inputs = [UnsafeRawPointer](repeating: start, count: members)
    for (source, memory) in stage.receives {
      if let slot = memory.baseAddress { inputs[source] = UnsafeRawPointer(slot) }
    }
    stage.sum = RankOrderSum(
      inputs: inputs, output: output, count: own.count / element.size, element: element, reduction: reduction)
    return stage
  }

  // MARK: Copies

  private func allGather() -> Stage {
    let part = input.count
    copy(input, to: bytes(of: output, rank * part..<(rank + 1) * part))
    return Stage(
      receives: sources.map { ($0, bytes(of: output, $0 * part..<($0 + 1) * part)) },
      sends: targets.map { ($0, input) })
  }

  private func allToAll() -> Stage {
    let part = input.count / members
    func mine(_ member: Int) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: input[member * part..<(member + 1) * part])
    }
    func theirs(_ member: Int) -> UnsafeMutableRawBufferPointer {
      bytes(of: output, member * part..<(member + 1) * part)
    }
    copy(mine(rank), to: theirs(rank))
    return Stage(receives: sources.map { ($0, theirs($0)) }, sends: targets.map { ($0, mine($0)) })
  }

  /// Along a binomial tree: in round k the first 2ᵏ members, counted from the root, send to the next 2ᵏ.
  private func broadcast(_ piece: Int, from root: Int) -> [Stage] {
    let first = piece * Self.messageBytes
    let memory = bytes(of: output, first..<min(output.count, first + Self.messageBytes))
    let place = (rank - root + members) % members
    func member(_ place: Int) -> Int { (place + root) % members }
    /// The round in which a place receives is that of its highest bit.
    let received = place == 0 ? 0 : Int.bitWidth - place.leadingZeroBitCount
    var stages: [Stage] = []
    if place > 0 { stages.append(Stage(receives: [(member(place - 1 << (received - 1)), memory)])) }
    let children = (received..<Int.bitWidth - 1).lazy.map { place + 1 << $0 }.prefix { $0 < members }
    stages.append(Stage(sends: children.map { (member($0), UnsafeRawBufferPointer(memory)) }))
    return stages
  }

  // MARK: Members and memory

  /// The others, each member beginning with another one, so that not all send to the same.
  private var targets: [Int] { (1..<members).map { (rank + $0) % members } }
  private var sources: [Int] { (1..<members).map { (rank - $0 + members) % members } }

  private func bytes(
    of memory: UnsafeMutableRawBufferPointer, _ range: Range<Int>
  ) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: memory[range])
  }

  private func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
    guard !source.isEmpty, source.baseAddress != target.baseAddress.map({ UnsafeRawPointer($0) }) else {
      return
    }
    target.copyMemory(from: source)
  }
}
