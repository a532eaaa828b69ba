import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rotary position embedding (Su et al. 2021): components i and i + w/2 of a head's first w components turn
/// by the angle position · base^(−2i/w).
package struct RotaryTable {
  /// Components of each head that turn: w.
  package let width: Int
  private let cosines: Tensor
  private let sines: Tensor

  /// Angles for positions 0 ..< `positions`.
  package init(width: Int, positions: Int, base: Double, on device: Device) {
    precondition(width % 2 == 0 && width > 0, "rotation pairs components, got a width of \(width)")
    self.width = width
    let half = width / 2
    var cosines = [Float](repeating: 0, count: positions * half)
    var sines = cosines
    // Nobody reads an imagined table.
    for position in 0..<(device.isImagined ? 0 : positions) {
      for i in 0..<half {
        let angle = Double(position) * pow(base, -2 * Double(i) / Double(width))
        cosines[position * half + i] = Float(cos(angle))
        sines[position * half + i] = Float(sin(angle))
      }
    }
    self.cosines = Tensor(cosines, Shape(positions, half), on: device)
    self.sines = Tensor(sines, Shape(positions, half), on: device)
  }

  /// Turns `x` [tokens, heads·headWidth] in place, by the angles of `positions` [tokens] or back.
  package func rotate(_ x: Tensor, headWidth: Int, positions: Tensor, inverse: Bool = false) {
    precondition(x.columns % headWidth == 0 && width <= headWidth, "\(x.shape) in heads of \(headWidth)")
    precondition(positions.count == x.rows, "\(positions.count) positions for \(x.rows) rows")
    // What does not turn is not touched.
    x.device.run("rotary", bytes: 2 * x.byteCount * width / headWidth) {
      nk_rotary(
        $0, x.f32, Int64(x.rowStride), Int64(x.rows), Int64(x.columns / headWidth), Int64(headWidth),
        Int64(width), cosines.f32, sines.f32, positions.i32, inverse)
    }
  }
}
