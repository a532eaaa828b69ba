import Collectives
import Files
import Models
import Telemetry

/// What one rank of many says of itself at the end of a run, in a file of its own: rank 0 alone prints.
struct RankLog {
  private let table: Table

  init(_ rank: Rank, _ model: Transformer, updates: Duration, exposed: Duration) {
    var table = Table(rows: [
      ["rank", "\(rank.index) of \(rank.mesh.rankCount) (\(rank.mesh))"],
      ["place", "tensor \(rank.place.tensor), pipeline \(rank.place.pipeline), data \(rank.place.data)"],
      [
        "layers",
        model.part.chunks.map { "\($0.lowerBound) to \($0.upperBound - 1)" }.joined(separator: ", "),
      ],
      ["parameters held", Brief.count(Double(model.store.parameterCount))],
      ["tensor memory", Bytes(model.device.reservedBytes).description],
      ["updates", Brief.duration(updates)],
    ])
    table.append("of which waiting", Brief.percent(exposed.seconds / max(1e-9, updates.seconds)))
    for group in [rank.tensor, rank.pipeline, rank.data, rank.world] where group.count > 1 {
      table.append("  in the \(group.name) group", Brief.duration(group.exposed))
    }
    self.table = table
  }

  func write(to path: String) throws {
    if let folder = path.lastIndex(of: "/") { try Folder.create(String(path[..<folder])) }
    let file = try AtomicFile(path)
    try file.write("\(table)\n")
    try file.commit()
  }
}
