import Collectives
import Tensors

/// What the code of a pass would do, in order: an imagined device tells its operations, imagined groups their
/// transfers. Nothing is computed and nothing travels.
final class Trace: OperationObserver {
  enum Event: Hashable {
    /// An operation with the FLOPs of its matrix products and the bytes that it must move, of f32.
    case operation(Profile.Operation, flops: Int, bytes: Int)
    /// A transfer sets out.
    case begin(Message, id: Int)
    /// The code goes on when transfer `id` is over.
    case wait(id: Int)
    /// The gradients of another layer are complete, counted from the last.
    case layerCompleted
  }

  private var events: [Event] = []
  private unowned let device: Device
  private var transfers = 0
  /// Of each size, the most buffers that were in use since recording began; of all, the most bytes.
  private var most = Footprint()
  private var mostBytes = 0
  /// Requests at the last look: between two of them memory in use can only fall.
  private var noted = -1

  private init(_ device: Device) { self.device = device }

  /// An imagined device and the trace that it writes.
  static func start() -> (device: Device, trace: Trace) {
    let relay = Relay()
    let device = Device(imaginedFor: relay)
    let trace = Trace(device)
    relay.trace = trace
    return (device, trace)
  }

  /// What the device's tensors take now.
  var used: Footprint { Footprint(device.usedBuffers) }

  /// A stretch of code: what it does, and the most memory in use meanwhile.
  struct Recording {
    var events: [Event] = []
    var most = Footprint()
    var mostBytes = 0
  }

  /// What `body` does.
  func record(_ body: () throws -> Void) rethrows -> Recording {
    events.removeAll()
    (most, mostBytes, noted) = (Footprint(), 0, -1)
    note()
    try body()
    note()
    return Recording(events: events, most: most, mostBytes: mostBytes)
  }

  func run(_ operation: Profile.Operation, flops: Int, bytes: Int, _ kernel: () -> Void) {
    events.append(.operation(operation, flops: flops, bytes: bytes))
    note()
  }

  func begin(_ message: Message) -> Int {
    transfers += 1
    events.append(.begin(message, id: transfers))
    note()
    return transfers
  }

  func wait(for id: Int) { events.append(.wait(id: id)) }

  func completeLayer() { events.append(.layerCompleted) }

  private func note() {
    guard device.requests != noted else { return }
    noted = device.requests
    let now = used
    most = most.union(now)
    mostBytes = max(mostBytes, now.bytes)
  }

  /// Between a device, which holds its observer, and a trace, which asks its device.
  private final class Relay: OperationObserver {
    weak var trace: Trace?

    func run(_ operation: Profile.Operation, flops: Int, bytes: Int, _ kernel: () -> Void) {
      trace?.run(operation, flops: flops, bytes: bytes, kernel)
    }
  }
}

/// What travels between the ranks of a group.
struct Message: Hashable {
  enum Kind: Hashable {
    case allReduce, reduceScatter, allGather, broadcast, allToAll, send, receive
  }

  /// The groups of a rank, by their names.
  enum Among: String, Hashable, CaseIterable, Codable, Sendable { case tensor, data, pipeline, ends, world }

  let kind: Kind
  let among: Among
  /// Ranks of the group.
  let count: Int
  /// Of the whole: what every rank has at the end of an all-gather or at the beginning of a reduce-scatter.
  let bytes: Int
}
