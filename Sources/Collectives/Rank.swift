import Topology

/// One rank of a mesh: its place, and the groups in which it talks to others.
package struct Rank {
  package let mesh: Mesh
  /// Its number in the world.
  package let index: Int
  package let place: Mesh.Coordinate
  /// Ranks on this rank's machine, itself among them.
  package let neighbours: Int
  package let status: RankStatus
  package let world: Group
  package let tensor: Group
  package let pipeline: Group
  package let data: Group
  /// The first and the last pipeline stage, which share a table where embeddings are tied; this rank alone
  /// elsewhere.
  package let ends: Group

  /// `makeGroup` is called for the same groups in the same order on every rank.
  package init(
    mesh: Mesh, index: Int, neighbours: Int? = nil, status: RankStatus, makeGroup: (String, [Int]) -> Group
  ) {
    self.mesh = mesh
    self.neighbours = neighbours ?? mesh.rankCount
    self.index = index
    self.status = status
    place = mesh.coordinate(of: index)
    world = makeGroup("world", Array(0..<mesh.rankCount))
    tensor = makeGroup("tensor", mesh.ranks(along: .tensor, through: index))
    pipeline = makeGroup("pipeline", mesh.ranks(along: .pipeline, through: index))
    data = makeGroup("data", mesh.ranks(along: .data, through: index))
    let stages = mesh.ranks(along: .pipeline, through: index)
    let isEnd = mesh.pipeline > 1 && (index == stages.first || index == stages.last)
    ends = makeGroup("ends", isEnd ? [stages[0], stages[mesh.pipeline - 1]] : [index])
  }

  /// The only rank of a run that is not divided.
  package static var single: Rank {
    let status = RankStatus(rank: 0)
    return Rank(mesh: .single, index: 0, status: status) { name, members in
      Group(name, members: members, rank: 0, status: status, carrier: nil)
    }
  }

  package var isFirst: Bool { index == 0 }

  /// How long this rank has waited for others in all its groups.
  package var exposed: Duration {
    [world, tensor, pipeline, data, ends].reduce(.zero) { $0 + $1.exposed }
  }
}
