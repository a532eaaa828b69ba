/// Shares of a whole, normalised to the last bit as NumPy does it, because a rounding apart a blend or a
/// split would pick another sample than Megatron.
struct Weights: Sendable, Equatable {
  let values: [Double]

  /// wᵢ / Σw.
  var normalized: Weights {
    let sum = Self.sum(values[...])
    return Weights(values: values.map { $0 / sum })
  }

  /// `numpy.sum`: eight running sums in blocks of at most 128, blocks added in pairs.
  static func sum(_ values: ArraySlice<Double>) -> Double {
    guard values.count >= 8 else { return values.reduce(0, +) }
    guard values.count <= 128 else {
      let half = values.count / 2
      let first = half - half % 8
      return sum(values.prefix(first)) + sum(values.dropFirst(first))
    }
    let start = values.startIndex
    var lanes = Array(values.prefix(8))
    let whole = values.count - values.count % 8
    for position in 8..<max(whole, 8) { lanes[position % 8] += values[start + position] }
    let pairs = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
    let others = (lanes[4] + lanes[5]) + (lanes[6] + lanes[7])
    return values.dropFirst(whole).reduce(pairs + others, +)
  }
}
