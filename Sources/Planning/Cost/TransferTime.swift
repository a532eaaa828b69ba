import Topology

/// How long a message of a group takes: a ring over links, the slowest of which sets the pace.
///
///     all-reduce       2·(n − 1)/n · bytes / B + steps · latency
///     reduce-scatter, all-gather: half of it
///
/// B is a device's share of what leaves its node, where the group spans several, and no more than the links between
/// a node's devices carry. A mesh's tensor ranks are neighbours, then its data ranks, then its stages (`Mesh`).
struct TransferTime {
  let cluster: Cluster
  let mesh: Mesh

  /// - Parameters:
  ///   - bytes: as they travel.
  ///   - stage: of the sender, for what passes between stages.
  func seconds(_ message: Message, bytes: Double, stage: Int = 0) -> Double {
    let reach = reach(message, stage: stage)
    let count = Double(message.count)
    let share = (count - 1) / count
    let time = { (traffic: Double, steps: Double) in
      traffic * bytes / reach.bandwidth + steps * reach.latency
    }
    return switch message.kind {
    case .allReduce: time(2 * share, 2)
    case .reduceScatter, .allGather, .allToAll: time(share, 1)
    case .broadcast: time(1, 1)
    case .send: 0
    case .receive: time(1, 1)
    }
  }

  private struct Reach {
    /// Bytes/s of one member, each way.
    let bandwidth: Double
    /// Seconds from the first member to the last.
    let latency: Double
  }

  private func reach(_ message: Message, stage: Int) -> Reach {
    let perNode = cluster.node.devices
    switch message.among {
    case .tensor: return spread(members: message.count, apart: 1, perNode)
    case .data: return spread(members: message.count, apart: mesh.tensor, perNode)
    case .world: return spread(members: message.count, apart: 1, perNode)
    case .pipeline:
      return pair(stage, (stage + 1) % mesh.pipeline, perNode)
    case .ends: return pair(0, mesh.pipeline - 1, perNode)
    }
  }

  /// Members that stand `apart` ranks from one another.
  private func spread(members: Int, apart: Int, _ perNode: Int) -> Reach {
    let inNode = max(1, min(members, perNode / apart))
    let nodes = (members + inNode - 1) / inNode
    // Steps inside nodes go around, those between them up and down a tree.
    let inside = Double(inNode - 1) * cluster.node.latency
    let outside =
      Double(nodes > 1 ? Int.bitWidth - (nodes - 1).leadingZeroBitCount : 0) * cluster.network.latency
    return Reach(
      bandwidth: bandwidth(inNode: inNode, nodes: nodes, perNode), latency: (inside + outside) * 1e-6)
  }

  private func pair(_ first: Int, _ second: Int, _ perNode: Int) -> Reach {
    let stride = mesh.tensor * mesh.data
    let isInside = first * stride / perNode == second * stride / perNode
    return Reach(
      bandwidth: isInside
        ? bandwidth(inNode: 2, nodes: 1, perNode) : bandwidth(inNode: 1, nodes: 2, perNode),
      latency: (isInside ? cluster.node.latency : cluster.network.latency) * 1e-6)
  }

  private func bandwidth(inNode: Int, nodes: Int, _ perNode: Int) -> Double {
    let links = cluster.node.bandwidth * 1e9 * cluster.efficiency.links
    // The groups of a node's devices share what leaves it.
    let network =
      cluster.network.bandwidth * 1e9 * cluster.efficiency.network * Double(inNode) / Double(perNode)
    if nodes == 1 { return links }
    return inNode == 1 ? network : min(links, network)
  }
}
