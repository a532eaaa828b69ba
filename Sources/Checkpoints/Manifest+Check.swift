import Topology

extension Manifest {
  /// Throws unless every tensor is covered exactly once by slices of shards that are listed, and every name is a
  /// plain one.
  func check(path: String) throws(CheckpointFailure) {
    var files: Set<String> = [Self.fileName]
    for file in shards + state {
      guard Self.isPlain(file.name), files.insert(file.name).inserted, file.bytes >= 0 else {
        throw CheckpointFailure(
          path, "lists the file \(file.name.quotedBriefly), which cannot be one of its own")
      }
    }
    let shardNames = Set(shards.map(\.name))
    var names: Set<String> = []
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw CheckpointFailure(path, "lists tensor \(tensor.name.quotedBriefly) twice")
      }
      var used: Set<String> = []
      for slice in tensor.slices {
        guard shardNames.contains(slice.shard), used.insert(slice.shard).inserted else {
          let what = used.contains(slice.shard) ? "two slices" : "a slice"
          throw CheckpointFailure(
            path,
            "gives \(what) of tensor \(tensor.name.quotedBriefly) in \(slice.shard.quotedBriefly), expected one "
              + "in a listed shard")
        }
      }
      if let problem = tensor.coverageProblem {
        throw CheckpointFailure(path, "\(problem) of tensor \(tensor.name.quotedBriefly), \(tensor.shape)")
      }
    }
    try checkSizes(path: path)
  }

  /// The tensors have room in the shards; and no sum of sizes overflows.
  private func checkSizes(path: String) throws(CheckpointFailure) {
    func sum(_ sizes: [Int]) -> Int? {
      sizes.reduce(0) { sum, size in
        sum.flatMap { sum in
          let (sum, overflow) = sum.addingReportingOverflow(size)
          return overflow ? nil : sum
        }
      }
    }
    guard let room = sum(shards.map(\.bytes)), sum([room] + state.map(\.bytes)) != nil else {
      throw CheckpointFailure(path, "lists files larger than a disk can be")
    }
    let needed = sum(tensors.map { $0.type.byteCount(shape: $0.shape) ?? .max }) ?? .max
    guard needed <= room else {
      throw CheckpointFailure(path, "lists tensors of \(needed) bytes in shards of \(room)")
    }
  }
}

extension Manifest.Entry {
  /// What is wrong with the slices, up to " of tensor …"; nil when they cover the tensor exactly once.
  ///
  /// The runs of each block follow each other from its first element to its last, no two blocks have an element in
  /// common, and all lie within the tensor: then they cover it if they have as many elements. n slices take
  /// O(n log n) comparisons.
  fileprivate var coverageProblem: String? {
    let parts = slices.map(\.part).filter { !$0.range.isEmpty }
    var blocks: [Block] = []
    for (block, parts) in Dictionary(grouping: parts, by: \.block) {
      var end = 0
      for range in parts.map(\.range).sorted(by: { $0.lowerBound < $1.lowerBound }) {
        guard range.lowerBound == end else {
          return "\(range.lowerBound < end ? "covers twice" : "does not cover") element "
            + "\(min(range.lowerBound, end)) of \(block.description)"
        }
        end = range.upperBound
      }
      guard end == block.count else { return "does not cover element \(end) of \(block.description)" }
      blocks.append(block)
    }
    if let (a, b) = Self.overlap(blocks) {
      return "covers twice what is both in \(a.description) and \(b.description)"
    }
    let covered = blocks.reduce(0) { $0 + $1.count }
    return covered == count ? nil : "covers \(covered) elements, expected \(count),"
  }

  /// Two of `blocks` that have an element in common. A line moves down the rows and meets the blocks' columns, which
  /// are kept in order.
  private static func overlap(_ blocks: [Block]) -> (Block, Block)? {
    let edges =
      blocks.map { (row: $0.rows.lowerBound, isTop: true, block: $0) }
      + blocks.map { (row: $0.rows.upperBound, isTop: false, block: $0) }
    var met: [Block] = []
    // Where blocks end on a row on which others begin, they end first; and those of one row come and go at the end.
    let ordered = edges.sorted {
      let (a, b) = ($0.block.columns.lowerBound, $1.block.columns.lowerBound)
      return ($0.row, $0.isTop ? 1 : 0, $0.isTop ? a : -a) < ($1.row, $1.isTop ? 1 : 0, $1.isTop ? b : -b)
    }
    for edge in ordered {
      let columns = edge.block.columns
      var low = 0
      var high = met.count
      while low < high {
        let middle = (low + high) / 2
        if met[middle].columns.lowerBound < columns.lowerBound { low = middle + 1 } else { high = middle }
      }
      if edge.isTop {
        for neighbour in met[max(0, low - 1)..<min(met.count, low + 1)]
        where neighbour.columns.overlaps(columns) {
          return (neighbour, edge.block)
        }
        met.insert(edge.block, at: low)
      } else {
        met.remove(at: low)
      }
    }
    return nil
  }
}

extension Block {
  /// "rows 0 to 8 and columns 4 to 6", for a sentence.
  var description: String {
    "rows \(rows.lowerBound) to \(rows.upperBound) and columns \(columns.lowerBound) to \(columns.upperBound)"
  }
}
