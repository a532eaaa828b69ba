import Tensors

/// What a file is to hold of a tensor.
struct StoredTensor {
  let name: String
  let type: StoredType
  /// As the whole model sees it.
  let shape: [Int]
  let part: TensorPart

  init(name: String, type: StoredType, shape: [Int], part: TensorPart) {
    self.name = name
    self.type = type
    self.shape = shape
    self.part = part
  }

  init(_ sharded: ShardedTensor) {
    self.init(
      name: sharded.name, type: StoredType(sharded.tensor.dtype), shape: sharded.shape, part: sharded.part)
  }
}

/// A tensor on its way to a file: its elements are somewhere in memory and stay there until it is written.
struct StagedTensor {
  let stored: StoredTensor
  let bytes: UnsafeRawBufferPointer

  /// The elements of `range`, a run of the block of which the tensor is a part.
  func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    let size = stored.type.size
    let first = (range.lowerBound - stored.part.range.lowerBound) * size
    return UnsafeRawBufferPointer(rebasing: bytes[first..<first + range.count * size])
  }
}
