import Tensors

extension Device {
  enum ReduceOp { case sum, maximum }
  /// placeholder until the kernel comes
  func reduce(
    _ reduction: ReduceOp, _ inputs: [UnsafeRawPointer], into outputs: [UnsafeMutableRawPointer],
    element: DType, _ range: Range<Int>
  ) {
    for i in range {
      func value(_ p: UnsafeRawPointer) -> Float {
        element == .bf16
          ? Float(bitPattern: UInt32(p.load(fromByteOffset: i * 2, as: UInt16.self)) << 16)
          : p.load(fromByteOffset: i * 4, as: Float.self)
      }
      var r = value(inputs[0])
      for p in inputs.dropFirst() { r = reduction == .sum ? r + value(p) : max(r, value(p)) }
      for o in outputs { o.storeBytes(of: r, toByteOffset: i * 4, as: Float.self) }
    }
  }
}
