/// One microbatch of samples, sequence by sequence; filled again and again without allocating.
///
/// Samples append to its arrays what their `layout` promises; `Loader` and `pad(to:)` keep the count.
package struct Batch: Sendable {
  /// A target or label that is not scored.
  package static let ignored: Int32 = -1

  /// What every sample brings, so that a batch without any can still be padded.
  package struct Layout: Sendable, Equatable {
    /// Sequences of one sample: 1, or the choices of a question.
    package var sequences = 1
    /// Whether tokens have segments and sequences have lengths.
    package var hasSegments = false
    /// Whether each sample has a label.
    package var hasLabels = false

    package init(sequences: Int = 1, hasSegments: Bool = false, hasLabels: Bool = false) {
      self.sequences = sequences
      self.hasSegments = hasSegments
      self.hasLabels = hasLabels
    }
  }

  /// Samples, padding included.
  package private(set) var count = 0
  package private(set) var layout = Layout()
  package private(set) var sequenceLength = 0
  /// Inputs, `[sequences, sequenceLength]`.
  package var tokens: [Int32] = []
  /// What each token's score is for, like `tokens`.
  package var targets: [Int32] = []
  /// 0 or 1, like `tokens`; empty where the layout has none.
  package var segments: [Int32] = []
  /// The tokens of each sequence that are not padding; empty: all of them.
  package var lengths: [Int32] = []
  /// One a sample; empty where the layout has none.
  package var labels: [Int32] = []
  /// What hides words of BERT's samples; here for its storage.
  var masker = WordMasker()

  package init() {}

  package var sequences: Int { count * layout.sequences }

  /// Empties the batch for samples of another length or layout, keeping its storage.
  package mutating func begin(sequenceLength: Int, layout: Layout = Layout()) {
    self.sequenceLength = sequenceLength
    self.layout = layout
    count = 0
    tokens.removeAll(keepingCapacity: true)
    targets.removeAll(keepingCapacity: true)
    segments.removeAll(keepingCapacity: true)
    lengths.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
  }

  /// Appends sample `index` of `samples`, for which `begin` was called.
  package mutating func append(_ index: Int, of samples: some Samples) throws {
    try samples.append(index, to: &self)
    count += 1
    let expected = sequences * sequenceLength
    precondition(
      tokens.count == expected && targets.count == expected
        && segments.count == (layout.hasSegments ? expected : 0)
        && lengths.count == (layout.hasSegments ? sequences : 0)
        && labels.count == (layout.hasLabels ? count : 0), "sample \(index) is not of its layout")
  }

  /// Makes inputs and targets of the `sequenceLength + 1` tokens last appended: each token's target is the
  /// next one, but for those after `mask`, the last token of a document, from which the next cannot be told.
  package mutating func shiftTargets(maskAfter mask: Int32? = nil) {
    let first = tokens.count - sequenceLength - 1
    for position in first..<first + sequenceLength {
      targets.append(tokens[position] == mask ? Self.ignored : tokens[position + 1])
    }
    tokens.removeLast()
  }

  /// Adds samples that are not scored, up to `count`: where shapes are fixed and the samples ran out. Each of
  /// their sequences shows one token, for attention needs something to see.
  package mutating func pad(to count: Int) {
    guard self.count < count else { return }
    let missing = count - self.count
    self.count = count
    let added = missing * layout.sequences * sequenceLength
    tokens.append(contentsOf: repeatElement(0, count: added))
    targets.append(contentsOf: repeatElement(Self.ignored, count: added))
    if layout.hasSegments {
      segments.append(contentsOf: repeatElement(0, count: added))
      lengths.append(contentsOf: repeatElement(1, count: missing * layout.sequences))
    }
    if layout.hasLabels { labels.append(contentsOf: repeatElement(Self.ignored, count: missing)) }
  }
}
