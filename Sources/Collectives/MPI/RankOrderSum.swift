import Tensors

/// output = inputs[0] + inputs[1] + …, element by element in the order of the ranks, in f32; or the largest.
///
/// The thread that moves the messages adds, while the device's threads are at work for the rank: this is a plain
/// loop for one thread, bound by memory. The output may be one of the inputs.
struct RankOrderSum {
  let inputs: [UnsafeRawPointer]
  let output: UnsafeMutableRawPointer
  /// Elements.
  let count: Int
  /// Of the inputs: f32 or bf16. The output is f32.
  let element: DType
  let reduction: Reduction

  /// Elements that stay in the nearest cache while they are added.
  private static let block = 2048

  func run() {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.block) { sums in
      guard let sum = sums.baseAddress else { return }
      for first in stride(from: 0, to: count, by: Self.block) {
        let length = min(Self.block, count - first)
        for (rank, input) in inputs.enumerated() {
          let x = input + first * element.size
          if element == .bf16 {
            add(bf16: x.assumingMemoryBound(to: UInt16.self), to: sum, length, isFirst: rank == 0)
          } else {
            add(x.assumingMemoryBound(to: Float.self), to: sum, length, isFirst: rank == 0)
          }
        }
        (output + first * DType.f32.size).copyMemory(
          from: sum, byteCount: length * DType.f32.size)
      }
    }
  }

  private func add(
    _ x: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>, _ length: Int, isFirst: Bool
  ) {
    if isFirst {
      for i in 0..<length { sum[i] = x[i] }
    } else if reduction == .sum {
      for i in 0..<length { sum[i] += x[i] }
    } else {
      for i in 0..<length { sum[i] = max(sum[i], x[i]) }
    }
  }

  private func add(
    bf16 x: UnsafePointer<UInt16>, to sum: UnsafeMutablePointer<Float>, _ length: Int, isFirst: Bool
  ) {
    func value(_ i: Int) -> Float { Float(bitPattern: UInt32(x[i]) << 16) }
    if isFirst {
      for i in 0..<length { sum[i] = value(i) }
    } else if reduction == .sum {
      for i in 0..<length { sum[i] += value(i) }
    } else {
      for i in 0..<length { sum[i] = max(sum[i], value(i)) }
    }
  }
}
