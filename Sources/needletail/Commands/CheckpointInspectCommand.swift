import ArgumentParser
import Checkpoints
import Telemetry

extension CheckpointCommand {
  struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "inspect",
      abstract: "Say what a checkpoint holds, by its manifest.",
      discussion: """
        needletail checkpoint inspect runs/demo --tensors
        """)

    @OptionGroup var source: Source

    @Flag(help: "List every tensor: type, shape, the blocks and runs that it is kept in.")
    var tensors = false

    func run() throws {
      let checkpoint = try source.openSound()
      let manifest = checkpoint.manifest
      let slices = manifest.tensors.reduce(0) { $0 + $1.slices.count }
      let weights = manifest.tensors.filter { !$0.isOptimizerState }
      let parameters = weights.reduce(0) { $0 + $1.count }
      print(
        Table(rows: [
          ["checkpoint", checkpoint.path],
          ["step", "\(manifest.step)"],
          ["parameters", "\(Brief.count(parameters)) (\(parameters)) in \(weights.count) tensors"],
          [
            "tensors",
            "\(manifest.tensors.count), in \(slices) slices of \(Self.span(manifest.tensors)) a tensor",
          ],
          [
            "size",
            "\(Bytes(manifest.byteCount)) in \(manifest.shards.count) shard\(manifest.shards.count == 1 ? "" : "s")",
          ],
          ["written by", "\(manifest.ranks) rank\(manifest.ranks == 1 ? "" : "s")"],
          ["state", manifest.state.isEmpty ? "none" : manifest.state.map(\.name).joined(separator: ", ")],
        ]))
      if tensors { print("\n\(Self.table(manifest.tensors))") }
    }

    /// "1 block" or "1 to 4 blocks".
    private static func span(_ tensors: [Manifest.Entry]) -> String {
      let counts = tensors.map(\.blocks.count)
      let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
      return (least == most ? "\(most)" : "\(least) to \(most)") + " block\(most == 1 ? "" : "s")"
    }

    private static func table(_ tensors: [Manifest.Entry]) -> Table {
      var table = Table(["tensor", "type", "shape", "kept as"])
      for tensor in tensors {
        let shape = tensor.shape.map(String.init).joined(separator: " × ")
        table.append(tensor.name, tensor.type.rawValue, shape, layout(of: tensor))
      }
      return table
    }

    /// "whole", "rows in 2", "columns in 4, in 8 runs".
    private static func layout(of tensor: Manifest.Entry) -> String {
      let blocks = tensor.blocks
      let byRows = Set(blocks.map(\.rows)).count > 1
      let byColumns = Set(blocks.map(\.columns)).count > 1
      let division =
        switch (byRows, byColumns) {
        case (false, false): tensor.slices.count > 1 ? "" : "whole"
        case (true, false): "rows in \(blocks.count)"
        case (false, true): "columns in \(blocks.count)"
        case (true, true): "\(blocks.count) blocks"
        }
      let runs = tensor.slices.count > blocks.count ? "\(tensor.slices.count) runs" : ""
      return [division, runs].filter { !$0.isEmpty }.joined(separator: ", in ")
    }
  }
}

extension Manifest.Entry {
  fileprivate var isOptimizerState: Bool { name.hasPrefix("optimizer.") }
}
