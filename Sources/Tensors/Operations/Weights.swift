import CKernels

/// The elements that are at least some number: how many they are, and their sum.
package struct Tally: Equatable {
  package var count: Int
  package var sum: Double

  package init(count: Int, sum: Double) {
    self.count = count
    self.sum = sum
  }
}

// What choosing a token asks of a row, on any number of threads the same. Tensors are contiguous.
extension Tensor {
  /// self = exp((x − shift) · scale), 0 where x is a NaN; the sum, f32 within blocks of 1024 and double over them.
  ///
  /// `shift` and `scale` are finite.
  @discardableResult
  package func setExponentials(of x: Tensor, shift: Float, scale: Float) -> Double {
    precondition(x.count == count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    var sum = 0.0
    device.run("exponentials", bytes: byteCount + x.byteCount) {
      sum = nk_exponentials($0, f32, x.f32, Int64(count), shift, scale)
    }
    return sum
  }

  /// The sum of `setExponentials`, none of them kept.
  package func sumOfExponentials(shift: Float, scale: Float) -> Double {
    precondition(isContiguous, "a sum needs a contiguous tensor")
    var sum = 0.0
    device.run("exponentials", bytes: byteCount) {
      sum = nk_exponentials($0, nil, f32, Int64(count), shift, scale)
    }
    return sum
  }

  /// Of the elements that are at least `least`.
  package func tally(atLeast least: Float) -> Tally {
    precondition(isContiguous, "a sum needs a contiguous tensor")
    var tally = Tally(count: 0, sum: 0)
    var found: Int64 = 0
    device.run("sum above", bytes: byteCount) {
      tally.sum = nk_sum_above($0, f32, Int64(count), least, &found)
    }
    tally.count = Int(found)
    return tally
  }

  /// The indices of elements in `range`, in order, of which there are at most `most`.
  package func indices(of range: Range<Float>, most: Int) -> [Int32] {
    precondition(isContiguous, "indices need a contiguous tensor")
    return [Int32](unsafeUninitializedCapacity: most) { memory, found in
      var count: Int64 = 0
      device.run("select", bytes: byteCount) {
        count = nk_select_between(
          $0, f32, Int64(self.count), range.lowerBound, range.upperBound, memory.baseAddress, Int64(most))
      }
      precondition(count <= most, "\(count) elements in \(range), expected \(most) at most")
      found = Int(count)
    }
  }

  /// An index of a weight that is at least `least` > 0, drawn by weight: the one where the weights, added up from the
  /// first, pass uniform · their sum; nil where there is none.
  package func draw(_ uniform: Double, atLeast least: Float) -> Int? {
    precondition(isContiguous && least > 0, "weights are positive and contiguous, got a least of \(least)")
    var index: Int64 = -1
    device.run("draw", bytes: byteCount) { index = nk_draw_above($0, f32, Int64(count), least, uniform) }
    return index < 0 ? nil : Int(index)
  }
}
