/// A request of an MPI carrier on its way: pieces of a plan, some of them at a time.
///
/// All but `wait` is called with the lock of its `MPIProgress` held.
final class MPITransfer: Transfer {
  /// Pieces under way at a time: one is added up while others travel.
  private static let window = 4

  let carrier: MPICarrier
  let plan: CollectivePlan
  /// For people: the number of the collective, or the message's tag.
  let number: Int
  private let request: Request
  private let status: RankStatus
  private let comm: MPICommunicator
  /// The tag of a piece.
  private let tag: (Int) -> Int
  private var begun = 0
  private var pieces: [Piece] = []
  private let pieceCount: Int
  private(set) var isOver = false

  init(
    _ carrier: MPICarrier, _ request: Request, _ plan: CollectivePlan, number: Int,
    in comm: MPICommunicator, status: RankStatus, tag: @escaping (Int) -> Int
  ) {
    self.carrier = carrier
    self.request = request
    self.plan = plan
    self.number = number
    self.comm = comm
    self.status = status
    self.tag = tag
    pieceCount = plan.pieces
  }

  func wait() { carrier.wait(for: self, status: status) }

  /// Does what can be done now, and says whether that was anything.
  func advance(_ library: MPILibrary, _ scratch: inout ScratchMemory) throws(MPIFailure) -> Bool {
    var hasMoved = false
    var index = 0
    while index < pieces.count || begun < pieceCount && pieces.count < Self.window {
      if index == pieces.count {
        let memory = scratch.take(plan.scratchBytes)
        pieces.append(Piece(plan.stages(begun, scratch: memory), tag: tag(begun), scratch: memory))
        begun += 1
        hasMoved = true
      }
      if try pieces[index].advance(library, comm, &hasMoved) {
        scratch.giveBack(pieces.remove(at: index).scratch)
      } else {
        index += 1
      }
    }
    isOver = pieces.isEmpty && begun == pieceCount
    return hasMoved
  }

  /// The members whose messages are awaited.
  func missing(_ library: MPILibrary) throws(MPIFailure) -> [Int] {
    var missing: Set<Int> = []
    for index in pieces.indices {
      for peer in try pieces[index].missing(library) { missing.insert(peer) }
    }
    return missing.sorted()
  }
}

/// One piece of a transfer: its stages, and the messages of the stage that is under way.
private struct Piece {
  let scratch: UnsafeMutableRawBufferPointer
  private let stages: [CollectivePlan.Stage]
  private let tag: Int
  private var stage = 0
  private var isPosted = false
  /// Those under way; the ones behind are asked first, so that a stage costs a question at a time.
  private var tickets: [MPILibrary.Ticket] = []

  init(_ stages: [CollectivePlan.Stage], tag: Int, scratch: UnsafeMutableRawBufferPointer) {
    self.stages = stages
    self.tag = tag
    self.scratch = scratch
  }

  /// Goes on as far as possible; true at the end.
  mutating func advance(
    _ library: MPILibrary, _ comm: MPICommunicator, _ hasMoved: inout Bool
  ) throws(MPIFailure) -> Bool {
    while stage < stages.count {
      if !isPosted {
        try post(stages[stage], library, comm)
        isPosted = true
      }
      while !tickets.isEmpty {
        guard try library.isOver(&tickets[tickets.count - 1]) else { return false }
        tickets.removeLast()
        hasMoved = true
      }
      stages[stage].sum?.run()
      stage += 1
      isPosted = false
    }
    return true
  }

  /// Receives first: what arrives has a place then.
  private mutating func post(
    _ stage: CollectivePlan.Stage, _ library: MPILibrary, _ comm: MPICommunicator
  ) throws(MPIFailure) {
    for (source, memory) in stage.receives {
      for first in stride(from: 0, to: memory.count, by: MPILibrary.longestMessage) {
        let part = memory[first..<min(memory.count, first + MPILibrary.longestMessage)]
        tickets.append(
          try library.receive(
            UnsafeMutableRawBufferPointer(rebasing: part), from: source, tag: tag, in: comm))
      }
    }
    for (target, memory) in stage.sends {
      for first in stride(from: 0, to: memory.count, by: MPILibrary.longestMessage) {
        let part = memory[first..<min(memory.count, first + MPILibrary.longestMessage)]
        tickets.append(
          try library.send(UnsafeRawBufferPointer(rebasing: part), to: target, tag: tag, in: comm))
      }
    }
  }

  mutating func missing(_ library: MPILibrary) throws(MPIFailure) -> [Int] {
    var waiting: [MPILibrary.Ticket] = []
    for var ticket in tickets where !(try library.isOver(&ticket)) { waiting.append(ticket) }
    tickets = waiting
    // Where nothing is awaited, somebody does not take what was sent.
    let receives = waiting.filter { $0.isReceive }
    return (receives.isEmpty ? waiting : receives).map(\.peer)
  }
}

/// Memory of pieces under way, kept for those that follow.
struct ScratchMemory {
  private var idle: [Int: [UnsafeMutableRawBufferPointer]] = [:]
  /// Bytes taken from the system.
  private(set) var reservedBytes = 0

  mutating func take(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
    guard bytes > 0 else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    if let memory = idle[bytes]?.popLast() { return memory }
    reservedBytes += bytes
    return .allocate(byteCount: bytes, alignment: 64)
  }

  mutating func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
    if !memory.isEmpty { idle[memory.count, default: []].append(memory) }
  }
}
