/// Reads batches at an exact position: what it returns depends on the sample numbers alone, so a run resumes
/// from its count of consumed samples and several loaders, or a thread reading ahead, agree.
package struct Loader: Sendable {
  package let samples: any Samples
  /// When set, the targets after this token are ignored: the first token of the next document cannot be
  /// told from the last one.
  package let maskAfter: Int32?
  /// Whether the first sample follows the last.
  package let wraps: Bool

  package init(_ samples: any Samples, maskAfter: Int32? = nil, wraps: Bool = false) {
    self.samples = samples
    self.maskAfter = maskAfter
    self.wraps = wraps
  }

  /// Fills `batch` with samples `consumed ..< consumed + size`.
  package func read(consumed: Int, size: Int, into batch: inout Batch) throws {
    try read(consumed..<consumed + size, into: &batch)
  }

  /// Fills `batch` with the samples of `range`. Throws when the data ends before it.
  package func read(_ range: Range<Int>, into batch: inout Batch) throws {
    guard range.lowerBound >= 0, wraps ? samples.count > 0 : range.upperBound <= samples.count else {
      throw CorpusFailure(
        "samples",
        "the dataset was built for \(samples.count) samples, the step reads up to \(range.upperBound); "
          + "build it for the whole run")
    }
    let length = samples.sequenceLength
    batch.count = range.count
    batch.sequenceLength = length
    batch.tokens.removeAll(keepingCapacity: true)
    batch.targets.removeAll(keepingCapacity: true)
    for index in range {
      try samples.read(wraps ? index % samples.count : index, into: &batch.sample)
      batch.tokens.append(contentsOf: batch.sample[..<length])
      for position in 1...length {
        let masked = maskAfter.map { batch.sample[position - 1] == $0 } ?? false
        batch.targets.append(masked ? Batch.ignored : batch.sample[position])
      }
    }
  }
}
