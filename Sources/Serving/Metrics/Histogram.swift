/// Counts of durations by size, as Prometheus has them.
struct Histogram: Sendable {
  let name: StaticString
  let help: StaticString
  /// Upper bounds, in seconds, in order.
  let bounds: [Double]
  private var counts: [Int]
  private var sum = 0.0

  init(_ name: StaticString, _ help: StaticString, bounds: [Double]) {
    self.name = name
    self.help = help
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  mutating func add(_ duration: Duration) {
    let seconds = duration / .seconds(1)
    counts[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
    sum += seconds
  }

  /// Prometheus' text: cumulative counts, the sum and the count.
  func write(to text: inout String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
    var total = 0
    for (bound, count) in zip(bounds, counts) {
      total += count
      text += "\(name)_bucket{le=\"\(bound)\"} \(total)\n"
    }
    total += counts[bounds.count]
    text += "\(name)_bucket{le=\"+Inf\"} \(total)\n\(name)_sum \(sum)\n\(name)_count \(total)\n"
  }
}
