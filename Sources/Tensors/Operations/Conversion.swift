import CKernels

extension Tensor {
  /// self = x in this tensor's storage type, rounded to nearest even. One of the two is f32.
  package func convert(from x: Tensor) {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    let elements = Int64(count)
    if x.dtype == .f32, dtype == .f32 { return copy(from: x) }
    device.run("conversion", bytes: byteCount + x.byteCount) { kernels in
      switch (x.dtype, dtype) {
      case (.f32, .bf16): nk_bf16_from_f32(kernels, u16, x.f32, elements)
      case (.f32, .f16): nk_f16_from_f32(kernels, u16, x.f32, elements)
      case (.bf16, .f32): nk_f32_from_bf16(kernels, f32, x.u16, elements)
      case (.f16, .f32): nk_f32_from_f16(kernels, f32, x.u16, elements)
      default: preconditionFailure("no conversion from \(x.dtype) to \(dtype)")
      }
    }
  }

  private var u16: UnsafeMutablePointer<UInt16> { raw.assumingMemoryBound(to: UInt16.self) }
}
