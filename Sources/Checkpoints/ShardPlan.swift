/// Which elements of which tensor go into which shard, in the order given, so that no shard's data exceeds a limit.
///
/// A tensor larger than the limit is cut between rows of its block; a single row larger than it gets a shard of its
/// own. Several parts of one tensor go into different shards, which know tensors by their names.
struct ShardPlan: Equatable {
  struct Piece: Equatable {
    /// Index of the tensor.
    let tensor: Int
    /// Which elements of its block.
    let range: Range<Int>
  }

  private(set) var shards: [[Piece]] = []

  init(_ tensors: [StoredTensor], limit: Int) {
    var shard: [Piece] = []
    var names: Set<String> = []
    var size = 0
    func close(_ shards: inout [[Piece]]) {
      if !shard.isEmpty { shards.append(shard) }
      shard = []
      names = []
      size = 0
    }
    for (index, tensor) in tensors.enumerated() where !tensor.part.range.isEmpty {
      let range = tensor.part.range
      if size + range.count * tensor.type.size > limit || names.contains(tensor.name) { close(&shards) }
      let width = tensor.part.block.columns.count
      let rowsPerShard = max(1, limit / (width * tensor.type.size))
      var start = range.lowerBound
      while start < range.upperBound {
        if start > range.lowerBound { close(&shards) }
        let row = start / width
        let rows = min(rowsPerShard, tensor.part.block.rows.count - row)
        let end = min(range.upperBound, (row + rows) * width)
        shard.append(Piece(tensor: index, range: start..<end))
        names.insert(tensor.name)
        size += (end - start) * tensor.type.size
        start = end
      }
    }
    close(&shards)
  }
}
