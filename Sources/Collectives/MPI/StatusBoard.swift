#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where ranks ask each other what they are doing, on a communicator of its own.
///
/// The progress thread answers, so a rank that computes or waits answers too; one that does not is stopped or gone.
/// All but `collect` is called with the lock of the `MPIProgress` held.
final class StatusBoard: @unchecked Sendable {
  private enum Tag {
    static let question = 1
    static let answer = 2
  }
  private let comm: MPICommunicator
  private let library: MPILibrary
  private let status: RankStatus
  private let ranks: Int
  /// Messages under way and their memory.
  private var outgoing: [(ticket: MPILibrary.Ticket, memory: UnsafeMutableRawBufferPointer)] = []
  private var answers: [String?]
  private var isAsking = false
  /// Whether a rank that goes first has asked: it speaks for all.
  private var othersSpeak = false

  init(_ comm: MPICommunicator, _ library: MPILibrary, status: RankStatus, ranks: Int) {
    self.comm = comm
    self.library = library
    self.status = status
    self.ranks = ranks
    answers = [String?](repeating: nil, count: ranks)
  }

  /// Answers questions and takes answers.
  func serve() throws(MPIFailure) {
    while let (source, bytes) = try receive(Tag.question) {
      _ = bytes
      if !isAsking || source < status.rank { othersSpeak = true }
      try send(Array(status.report().utf8), to: source, Tag.answer)
    }
    while let (source, bytes) = try receive(Tag.answer) {
      answers[source] = String(decoding: bytes, as: UTF8.self)
    }
    var index = 0
    while index < outgoing.count {
      if try library.isOver(&outgoing[index].ticket) {
        outgoing.remove(at: index).memory.deallocate()
      } else {
        index += 1
      }
    }
  }

  /// Asks all ranks and returns what they say, nil for those that are silent until the timeout. Returns nil where
  /// another rank asks too and speaks for all.
  func collect(timeout: Duration, _ progress: MPIProgress) -> [String?]? {
    let speaks = progress.withLock { () throws(MPIFailure) in
      try serve()
      guard !othersSpeak else { return false }
      isAsking = true
      answers = [String?](repeating: nil, count: ranks)
      answers[status.rank] = status.report()
      for rank in 0..<ranks where rank != status.rank { try send([1], to: rank, Tag.question) }
      return true
    }
    guard speaks else { return nil }
    let deadline = ContinuousClock.now + timeout
    while true {
      let (answers, yields) = progress.withLock { () throws(MPIFailure) in
        try serve()
        return (self.answers, othersSpeak)
      }
      if yields { return nil }
      if ContinuousClock.now > deadline || answers.allSatisfy({ $0 != nil }) { return answers }
      pause()
    }
  }

  private func send(_ bytes: [UInt8], to rank: Int, _ tag: Int) throws(MPIFailure) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    memory.copyBytes(from: bytes)
    outgoing.append(
      (try library.send(UnsafeRawBufferPointer(memory), to: rank, tag: tag, in: comm), memory))
  }

  /// A message that has come. It is short, and its receive is over in a moment.
  private func receive(_ tag: Int) throws(MPIFailure) -> (source: Int, bytes: [UInt8])? {
    guard let (source, count) = try library.probe(tag: tag, in: comm) else { return nil }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { memory.deallocate() }
    var ticket = try library.receive(memory, from: source, tag: tag, in: comm)
    while !(try library.isOver(&ticket)) {}
    return (source, [UInt8](memory))
  }

  private func pause() { usleep(2000) }
}
