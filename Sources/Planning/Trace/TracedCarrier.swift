import Collectives
import Tensors
import Topology

/// Carries nothing: it writes down what a group was asked for.
final class TracedCarrier: Carrier {
  private let among: Message.Among
  private let count: Int
  private let trace: Trace

  init(_ among: Message.Among, count: Int, _ trace: Trace) {
    self.among = among
    self.count = count
    self.trace = trace
  }

  func start(_ request: Request, status: RankStatus) -> any Transfer {
    let kind: Message.Kind =
      switch request.kind {
      case .allReduce: .allReduce
      case .reduceScatter: .reduceScatter
      case .allGather: .allGather
      case .broadcast: .broadcast
      case .allToAll: .allToAll
      case .send: .send
      case .receive: .receive
      }
    let bytes = max(request.input.count, request.output.count)
    let message = Message(kind: kind, among: among, count: count, bytes: bytes)
    return Arrived(trace: trace, id: trace.begin(message), tensors: request.tensors)
  }

  private final class Arrived: Transfer {
    private let trace: Trace
    private let id: Int
    /// Held until the transfer is over, as real ones hold them.
    private var tensors: (Tensor?, Tensor?)

    init(trace: Trace, id: Int, tensors: (Tensor?, Tensor?)) {
      self.trace = trace
      self.id = id
      self.tensors = tensors
    }

    func wait() {
      trace.wait(for: id)
      tensors = (nil, nil)
    }
  }
}

extension Rank {
  /// The first rank of pipeline stage `stage`, whose groups write into `trace`.
  static func traced(_ mesh: Mesh, stage: Int, _ trace: Trace) -> Rank {
    let index = mesh.rank(at: Mesh.Coordinate(pipeline: stage))
    let status = RankStatus(rank: index)
    return Rank(mesh: mesh, index: index, status: status) { name, members in
      let carrier = Message.Among(rawValue: name).map { TracedCarrier($0, count: members.count, trace) }
      return Group(
        name, members: members, rank: members.firstIndex(of: index) ?? 0, status: status, carrier: carrier)
    }
  }
}
