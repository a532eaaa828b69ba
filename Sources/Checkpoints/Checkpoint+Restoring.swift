import Tensors

extension Checkpoint {
  /// Fills `targets` from the shards that have elements of them. Throws before any is touched when the checkpoint
  /// lacks one, has one of another shape, has tensors that are not asked for (unless `ignoringOthers`, as a rank does
  /// that holds some of the layers), or when one of those shards is damaged, in which case the message names the
  /// newest good checkpoint before this one.
  package func restore(
    _ targets: [ShardedTensor], ignoringOthers: Bool = false
  ) throws(CheckpointFailure) {
    let reader = CheckpointReader(self)
    try checkFit(of: targets, ignoringOthers: ignoringOthers)
    try offeringPrevious { () throws(CheckpointFailure) in
      for target in targets { try reader.open(target) }
    }
    for target in targets { try reader.read(target) }
  }

  /// Fills whole tensors.
  package func restore(_ tensors: [NamedTensor], ignoringOthers: Bool = false) throws(CheckpointFailure) {
    try restore(tensors.map { ShardedTensor($0) }, ignoringOthers: ignoringOthers)
  }

  /// Throws unless the checkpoint has what `targets` ask for.
  private func checkFit(of targets: [ShardedTensor], ignoringOthers: Bool) throws(CheckpointFailure) {
    let known = Dictionary(manifest.tensors.map { ($0.name, $0) }) { first, _ in first }
    let wanted = Set(targets.map(\.name))
    let missing = targets.map(\.name).filter { known[$0] == nil }
    let others = ignoringOthers ? [] : manifest.tensors.map(\.name).filter { !wanted.contains($0) }
    let misshapen = targets.compactMap { known[$0.name]?.misfit($0) }
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
  }

  private static func list(_ items: [String]) -> String {
    let limit = 2
    let more = items.count > limit ? " and \(items.count - limit) more" : ""
    return items.prefix(limit).joined(separator: ", ") + more
  }
}
