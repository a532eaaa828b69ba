import Tensors

/// Memory that holds a copy of some tensors while they are written; it grows to the largest set and is reused.
///
/// Who fills it and who reads it must take turns; `AsyncCheckpointWriter` sees to that.
final class StagingBuffer: @unchecked Sendable {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { memory.deallocate() }

  /// Bytes held, in use or not.
  var capacity: Int { memory.count }

  /// Copies `tensors` over what was held; the result is valid until the next copy.
  func copy(_ tensors: [ShardedTensor]) -> [StagedTensor] {
    let needed = tensors.reduce(0) { $0 + $1.tensor.byteCount }
    if needed > memory.count {
      memory.deallocate()
      memory = .allocate(byteCount: needed, alignment: 64)
    }
    var end = 0
    return tensors.map { item in
      let tensor = item.tensor.contiguous
      let part = UnsafeMutableRawBufferPointer(rebasing: memory[end..<end + tensor.byteCount])
      part.copyMemory(from: UnsafeRawBufferPointer(tensor.bytes))
      end += tensor.byteCount
      return StagedTensor(stored: StoredTensor(item), bytes: UnsafeRawBufferPointer(part))
    }
  }
}
