import Tensors
import Topology

/// A tensor of the whole model of which a rank holds a part: to save, or to fill from a checkpoint.
package struct ShardedTensor {
  package let name: String
  /// The shape as the whole model sees it.
  package let shape: [Int]
  /// Which of its elements `tensor` holds.
  package let part: TensorPart
  package let tensor: Tensor

  /// All of a tensor.
  package init(_ named: NamedTensor) {
    let shape = named.tensor.shape.dimensions
    let columns = shape.dropFirst().reduce(1, *)
    self.init(named.name, named.tensor, block: Block(rows: shape[0], columns: columns), of: shape)
  }

  /// Elements `range` (nil: all) of block `block` of a tensor that the whole model sees as `shape`.
  ///
  /// - Parameter tensor: those elements, row-major, in any shape; contiguous where it is to be filled.
  package init(_ name: String, _ tensor: Tensor, block: Block, range: Range<Int>? = nil, of shape: [Int]) {
    let part = TensorPart(block, range)
    guard let matrix = TensorPart.matrix(of: shape),
      0 <= block.rows.lowerBound, block.rows.upperBound <= matrix.rows.count,
      0 <= block.columns.lowerBound, block.columns.upperBound <= matrix.columns.count,
      tensor.count == part.count
    else {
      preconditionFailure("\(tensor.shape) cannot be elements \(part.range) of \(block) of \(name), \(shape)")
    }
    self.name = name
    self.shape = shape
    self.part = part
    self.tensor = tensor
  }

  /// What replica `index` of `count` saves of a part that all of them hold: a run of it, or all or nothing of it
  /// where it is small.
  package func share(_ index: Int, of count: Int) -> ShardedTensor {
    let share =
      tensor.byteCount < Self.smallest
      ? (index == 0 ? 0..<part.count : 0..<0) : Range.part(index, of: count, count: part.count)
    let first = part.range.lowerBound
    return ShardedTensor(
      name, tensor.contiguous.elements(share, as: Shape(share.count)), block: part.block,
      range: first + share.lowerBound..<first + share.upperBound, of: shape)
  }

  /// Bytes below which a tensor is not worth dividing: a slice takes some hundred bytes of the manifest.
  private static let smallest = 1 << 16
}
