/// The inputs and targets of one microbatch, `[batch, sequence]` row by row; filled again and again
/// without allocating.
package struct Batch: Sendable {
  /// A target that is not scored.
  package static let ignored: Int32 = -1

  package internal(set) var count = 0
  package internal(set) var sequenceLength = 0
  package internal(set) var tokens: [Int32] = []
  package internal(set) var targets: [Int32] = []
  /// One sample, before it is split into inputs and targets.
  var sample: [Int32] = []

  package init() {}

  /// Adds sequences that are not scored, up to `count`: where shapes are fixed and the samples ran out.
  package mutating func pad(to count: Int) {
    guard self.count < count else { return }
    let missing = (count - self.count) * sequenceLength
    tokens.append(contentsOf: repeatElement(0, count: missing))
    targets.append(contentsOf: repeatElement(Self.ignored, count: missing))
    self.count = count
  }
}
