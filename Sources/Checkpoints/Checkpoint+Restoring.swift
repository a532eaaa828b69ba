import Tensors

/// A tensor to fill from a checkpoint: all of one, or the rows that this rank holds.
package struct RestoreTarget {
  package let name: String
  /// What to fill.
  package let tensor: Tensor
  /// The shape of the tensor as the whole model sees it.
  package let shape: [Int]
  /// Which rows, along the first dimension, `tensor` is.
  package let rows: Range<Int>

  /// All of a tensor.
  package init(_ named: NamedTensor) {
    name = named.name
    tensor = named.tensor
    shape = named.tensor.shape.dimensions
    rows = 0..<shape[0]
  }

  /// Rows `rows` of a tensor whose global shape is `shape`; `tensor` has their number of elements.
  package init(_ name: String, _ tensor: Tensor, rows: Range<Int>, of shape: [Int]) {
    precondition(
      tensor.count == rows.count * shape.dropFirst().reduce(1, *),
      "rows \(rows) of \(name), \(shape), cannot be \(tensor.shape)")
    self.name = name
    self.tensor = tensor
    self.shape = shape
    self.rows = rows
  }
}

extension Checkpoint {
  /// Fills `targets`. Throws before any is touched when the checkpoint lacks one, has one of another shape,
  /// has tensors that are not asked for (unless `ignoringOthers`), or when a file is damaged, in which case the
  /// message names the newest good checkpoint before this one.
  package func restore(
    _ targets: [RestoreTarget], ignoringOthers: Bool = false
  ) throws(CheckpointFailure) {
    let entries = try entries(for: targets, ignoringOthers: ignoringOthers)
    let wanted = Set(entries.flatMap { $0.slices.map(\.shard) })
    let shards = try offeringPrevious { () throws(CheckpointFailure) in try openShards(wanted) }
    for (target, entry) in zip(targets, entries) {
      let elementsPerRow = target.rows.isEmpty ? 0 : target.tensor.count / target.rows.count
      for slice in entry.slices {
        let rows = (slice.begin..<slice.end).clamped(to: target.rows)
        guard !rows.isEmpty, elementsPerRow > 0, let shard = shards[slice.shard] else { continue }
        let first = (rows.lowerBound - target.rows.lowerBound) * elementsPerRow
        let count = rows.count * elementsPerRow
        try shard.read(
          target.name, rows: rows.lowerBound - slice.begin..<rows.upperBound - slice.begin,
          into: target.tensor.elements(first..<first + count, as: Shape(count)))
      }
    }
  }

  /// Fills whole tensors.
  package func restore(_ tensors: [NamedTensor], ignoringOthers: Bool = false) throws(CheckpointFailure) {
    try restore(tensors.map { RestoreTarget($0) }, ignoringOthers: ignoringOthers)
  }

  /// The manifest's entry of each target.
  private func entries(
    for targets: [RestoreTarget], ignoringOthers: Bool
  ) throws(CheckpointFailure) -> [Manifest.Entry] {
    let known = Dictionary(manifest.tensors.map { ($0.name, $0) }) { first, _ in first }
    let wanted = Set(targets.map(\.name))
    let missing = targets.map(\.name).filter { known[$0] == nil }
    let others = ignoringOthers ? [] : manifest.tensors.map(\.name).filter { !wanted.contains($0) }
    let misshapen = targets.compactMap { target in
      known[target.name].flatMap { entry in
        entry.shape == target.shape && entry.type.converts(to: target.tensor.dtype)
          ? nil
          : "\(target.name) is \(entry.type.rawValue) \(entry.shape), expected "
            + "\(StoredType(target.tensor.dtype).rawValue) \(target.shape)"
      }
    }
    let problems = [
      missing.isEmpty ? nil : "it lacks \(Self.list(missing))",
      others.isEmpty ? nil : "it has \(Self.list(others)), which the model has not",
      misshapen.isEmpty ? nil : Self.list(misshapen),
    ].compactMap(\.self)
    guard problems.isEmpty else {
      throw CheckpointFailure(
        path,
        "the checkpoint does not fit the model: \(problems.joined(separator: "; ")); use the recipe it was made with"
      )
    }
    return targets.compactMap { known[$0.name] }
  }

  /// Maps and verifies the shards of these names, and holds their headers against the manifest.
  private func openShards(_ names: Set<String>) throws(CheckpointFailure) -> [String: SafetensorsFile] {
    var shards: [String: SafetensorsFile] = [:]
    for file in manifest.shards where names.contains(file.name) {
      shards[file.name] = try SafetensorsFile(try open(file))
    }
    for tensor in manifest.tensors {
      for slice in tensor.slices {
        guard let shard = shards[slice.shard] else { continue }
        let entry = try shard.entry(tensor.name)
        let shape = [slice.end - slice.begin] + tensor.shape.dropFirst()
        guard entry.type == tensor.type, entry.shape == shape else {
          throw CheckpointFailure(
            shard.path,
            "tensor \(tensor.name.quotedBriefly) is \(entry.type.rawValue) \(entry.shape), the manifest says "
              + "\(tensor.type.rawValue) \(shape)")
        }
      }
    }
    return shards
  }

  private static func list(_ items: [String]) -> String {
    let limit = 2
    let more = items.count > limit ? " and \(items.count - limit) more" : ""
    return items.prefix(limit).joined(separator: ", ") + more
  }
}
