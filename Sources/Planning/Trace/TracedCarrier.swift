import Collectives
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
    return Arrived(
      trace: trace, id: trace.begin(Message(kind: kind, among: among, count: count, bytes: bytes)))
  }

  private final class Arrived: Transfer {
    let trace: Trace
    let id: Int

    init(trace: Trace, id: Int) {
      self.trace = trace
      self.id = id
    }

    func wait() { trace.wait(for: id) }
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
