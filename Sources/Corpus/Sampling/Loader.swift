/// Reads batches at an exact position: what it returns depends on the sample numbers alone, so a run resumes
/// from its count of consumed samples and several loaders, or a thread reading ahead, agree.
package struct Loader: Sendable {
  package let samples: any Samples
  /// Whether the first sample follows the last.
  package let wraps: Bool

  package init(_ samples: any Samples, wraps: Bool = false) {
    self.samples = samples
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
    batch.begin(sequenceLength: samples.sequenceLength, layout: samples.layout)
    for index in range {
      try batch.append(wraps ? index % samples.count : index, of: samples)
    }
  }
}
