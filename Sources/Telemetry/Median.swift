extension [Double] {
  /// The middle of the sorted values, of an even count the mean of the middle two; 0 of none.
  package var median: Double {
    let sorted = sorted()
    return isEmpty ? 0 : (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}
