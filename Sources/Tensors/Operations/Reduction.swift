import CKernels

/// How the ranks' numbers become one.
package enum Reduction: Sendable {
  case sum
  /// The largest; a NaN is larger than all.
  case maximum
}

extension Device {
  /// Every output[i] = inputs[0][i] + inputs[1][i] + … (or the largest of them) for i in `range`, in that order and
  /// in f32: the same bits whoever computes them, and in however many ranges.
  ///
  /// The outputs are f32. An f32 input may be an output, element for element: a reduction in place.
  ///
  /// - Parameters:
  ///   - inputs: one or more, of `element`s: f32 or bf16.
  ///   - range: elements of every input and output; all of them have as many.
  package func reduce(
    _ reduction: Reduction, inputs: [UnsafeRawPointer], outputs: [UnsafeMutableRawPointer],
    element: DType = .f32, range: Range<Int>
  ) {
    precondition(!inputs.isEmpty, "a reduction needs an input")
    precondition(element == .f32 || element == .bf16, "ranks reduce f32 or bf16, got \(element)")
    precondition(range.lowerBound >= 0, "elements \(range)")
    run(
      "reduction over ranks",
      bytes: range.count * (inputs.count * element.size + outputs.count * DType.f32.size)
    ) { kernels in
      // C's pointers may be null, Swift's here may not: the same bits.
      inputs.withUnsafeBytes { inputs in
        outputs.withUnsafeBytes { outputs in
          nk_reduce(
            kernels, reduction == .sum ? NK_SUM : NK_MAX, element == .f32 ? NK_F32 : NK_BF16,
            inputs.baseAddress?.assumingMemoryBound(to: UnsafeRawPointer?.self), Int32(inputs.count / stride),
            outputs.baseAddress?.assumingMemoryBound(to: UnsafeMutablePointer<Float>?.self),
            Int32(outputs.count / stride), Int64(range.lowerBound), Int64(range.count))
        }
      }
    }
  }

  private var stride: Int { MemoryLayout<UnsafeRawPointer>.stride }
}
