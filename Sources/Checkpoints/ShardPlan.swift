/// Which rows of which tensor go into which shard, in the order given, so that no shard's data exceeds a limit.
///
/// A tensor larger than the limit is cut between rows; a single row larger than it gets a shard of its own.
struct ShardPlan: Equatable {
  struct Piece: Equatable {
    /// Index of the tensor.
    let tensor: Int
    let rows: Range<Int>
  }

  private(set) var shards: [[Piece]] = []

  init(_ tensors: [StoredTensor], limit: Int) {
    var shard: [Piece] = []
    var size = 0
    func close(_ shards: inout [[Piece]]) {
      if !shard.isEmpty { shards.append(shard) }
      shard = []
      size = 0
    }
    for (index, tensor) in tensors.enumerated() {
      if size + tensor.bytes.count > limit { close(&shards) }
      let rowsPerShard = max(1, tensor.bytesPerRow == 0 ? tensor.rows : limit / tensor.bytesPerRow)
      var start = 0
      repeat {
        if start > 0 { close(&shards) }
        let end = min(tensor.rows, start + rowsPerShard)
        shard.append(Piece(tensor: index, rows: start..<end))
        size += (end - start) * tensor.bytesPerRow
        start = end
      } while start < tensor.rows
    }
    close(&shards)
  }
}
