import Testing
import Topology

@testable import Checkpoints

@Suite struct ShardPlanTests {
  @Test(
    "every element is in one shard, and no shard exceeds the limit but for a single row", arguments: 1...40)
  func plan(limit: Int) {
    let shapes = [[3, 4], [2, 8], [0, 3], [16], [1, 12], [5, 0], [4, 2]]
    var tensors = shapes.map { shape in
      StoredTensor(
        name: "\(shape)", type: .u8, shape: shape,
        part: TensorPart(Block(rows: shape[0], columns: shape.dropFirst().reduce(1, *))))
    }
    // Two parts of one tensor, which begin and end within rows.
    for range in [1..<11, 14..<20] {
      let part = TensorPart(Block(rows: 2..<7, columns: 1..<5), range)
      tensors.append(StoredTensor(name: "parts", type: .u8, shape: [9, 9], part: part))
    }
    let shards = ShardPlan(tensors, limit: limit).shards
    for (index, tensor) in tensors.enumerated() {
      let pieces = shards.joined().filter { $0.tensor == index }.map(\.range)
      #expect(pieces.flatMap(Array.init) == Array(tensor.part.range))
      #expect(pieces.allSatisfy { !$0.isEmpty })
    }
    for shard in shards {
      #expect(Set(shard.map { tensors[$0.tensor].name }).count == shard.count)
      let size = shard.reduce(0) { $0 + $1.range.count }
      #expect(
        size <= limit
          || shard.allSatisfy { $0.range.count <= tensors[$0.tensor].part.block.columns.count })
    }
    if limit >= 16 { #expect(shards.count < 11) }
  }
}
