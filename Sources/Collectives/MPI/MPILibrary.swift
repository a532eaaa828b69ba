import CMPI

/// An MPI of this machine, loaded. Its calls are made one at a time: `MPIProgress` sees to that.
struct MPILibrary: @unchecked Sendable {
  private let handle: OpaquePointer

  /// A request under way, and what a receive of it must bring.
  struct Ticket {
    fileprivate var request: cmpi_request
    fileprivate let expected: Int?
    /// The member at the other end.
    let peer: Int

    var isReceive: Bool { expected != nil }
  }

  /// Loads the first of `files` that is an MPI.
  init(_ files: [String]) throws(MPIFailure) {
    var reasons: [String] = []
    for file in files {
      var error = [CChar](repeating: 0, count: 1024)
      if let handle = cmpi_open(file, &error, error.count) {
        self.handle = handle
        return
      }
      reasons.append(Self.string(error))
    }
    throw MPIFailure(
      "MPI is asked for and not installed here (\(reasons.joined(separator: "; "))): install it with "
        + "`apt install openmpi-bin`, or put the folder of libmpi.so.40 or libmpi.so.12 into LD_LIBRARY_PATH, "
        + "or let this process have the ranks with --ranks")
  }

  /// "Open MPI v4.1.4", "MPICH Version: 4.0.2".
  var version: String {
    var text = [CChar](repeating: 0, count: 256)
    cmpi_version(handle, &text, text.count)
    return String(Self.string(text).prefix { $0 != "\n" && $0 != "," }).replacing("\t", with: " ")
  }

  private static func string(_ text: [CChar]) -> String {
    String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private func check(_ code: Int32, _ action: StaticString) throws(MPIFailure) {
    guard code != 0 else { return }
    var text = [CChar](repeating: 0, count: 512)
    cmpi_error_text(handle, code, &text, text.count)
    let reason = Self.string(text).replacing("\n", with: " ")
    throw MPIFailure(
      "MPI cannot \(action): \(reason); a rank or its network is lost, or ranks ask each other for different "
        + "things (do all of them read the same recipe?)")
  }

  // MARK: Life

  func initialize() throws(MPIFailure) {
    var serialized = false
    try check(cmpi_init(handle, &serialized), "start")
    guard serialized else {
      throw MPIFailure(
        "\(version) was built without threads: needletail needs MPI_THREAD_SERIALIZED; install one that has it"
      )
    }
  }

  func finalize() throws(MPIFailure) { try check(cmpi_finalize(handle), "end") }

  /// Ends every process of the job.
  func abort(status: Int32) { cmpi_abort(handle, status) }

  // MARK: Communicators

  var world: MPICommunicator { MPICommunicator(handle: cmpi_world(handle)) }

  func rank(in comm: MPICommunicator) throws(MPIFailure) -> Int {
    var rank: Int32 = 0
    try check(cmpi_rank(handle, comm.handle, &rank), "tell the rank")
    return Int(rank)
  }

  func size(of comm: MPICommunicator) throws(MPIFailure) -> Int {
    var size: Int32 = 0
    try check(cmpi_size(handle, comm.handle, &size), "tell the number of ranks")
    return Int(size)
  }

  /// The largest tag of a message.
  func tagBound() throws(MPIFailure) -> Int {
    var bound: Int32 = 0
    try check(cmpi_tag_bound(handle, &bound), "tell its largest tag")
    return Int(bound)
  }

  /// The part of the world that gives the same color, in the order of the keys; every rank calls. Nil for those
  /// without color.
  func split(color: Int?, key: Int) throws(MPIFailure) -> MPICommunicator? {
    var part: cmpi_comm = 0
    try check(
      cmpi_split(handle, cmpi_world(handle), Int32(color ?? -1), Int32(key), &part), "make a group")
    return color == nil ? nil : MPICommunicator(handle: part)
  }

  // MARK: Messages

  /// Bytes that one call of MPI moves: counts are 32-bit.
  static let longestMessage = 1 << 30

  func send(
    _ memory: UnsafeRawBufferPointer, to peer: Int, tag: Int, in comm: MPICommunicator
  ) throws(MPIFailure) -> Ticket {
    var request: cmpi_request = 0
    try check(
      cmpi_isend(
        handle, memory.baseAddress, Int32(memory.count), Int32(peer), Int32(tag), comm.handle, &request),
      "send")
    return Ticket(request: request, expected: nil, peer: peer)
  }

  func receive(
    _ memory: UnsafeMutableRawBufferPointer, from peer: Int, tag: Int, in comm: MPICommunicator
  ) throws(MPIFailure) -> Ticket {
    var request: cmpi_request = 0
    try check(
      cmpi_irecv(
        handle, memory.baseAddress, Int32(memory.count), Int32(peer), Int32(tag), comm.handle, &request),
      "receive")
    return Ticket(request: request, expected: memory.count, peer: peer)
  }

  /// Whether the request is over; a ticket that is over is not asked again. Every call moves whatever is under way.
  func isOver(_ ticket: inout Ticket) throws(MPIFailure) -> Bool {
    var done = false
    var received: Int32 = 0
    try check(cmpi_test(handle, &ticket.request, &done, &received), "go on with a message")
    if done, let expected = ticket.expected, expected != Int(received) {
      throw MPIFailure(
        "member \(ticket.peer) sent \(received) bytes where \(expected) were expected: ranks of one group ask "
          + "for different things; do all of them read the same recipe?")
    }
    return done
  }

  /// The first message with `tag` that waits to be received.
  func probe(tag: Int, in comm: MPICommunicator) throws(MPIFailure) -> (from: Int, count: Int)? {
    var found = false
    var from: Int32 = 0
    var count: Int32 = 0
    try check(cmpi_probe(handle, Int32(tag), comm.handle, &found, &from, &count), "look for messages")
    return found ? (Int(from), Int(count)) : nil
  }
}

/// Ranks that exchange messages apart from all others'.
struct MPICommunicator: Sendable {
  fileprivate let handle: cmpi_comm
}
