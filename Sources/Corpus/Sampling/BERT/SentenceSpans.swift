/// Which sentences make each sample of BERT, and how many tokens it may have: number for number Megatron's for
/// the same seed. Every document is cut into runs of sentences that just reach a target length, epoch after epoch
/// until there are enough samples; all of them are shuffled.
///
/// Source: Megatron-LM `helpers.cpp`, `build_mapping`.
struct SentenceSpans: Sendable, Equatable {
  /// In the order in which samples are taken; at least as many as asked for.
  let spans: [Span]

  struct Span: Sendable, Equatable {
    let first: UInt32
    let end: UInt32
    /// Tokens of all segments together.
    let target: UInt32
  }

  /// A document with a longer sentence than this is left out: it is no text.
  private static let longestSentence = 512

  /// - Parameters:
  ///   - documents: The part of the dataset to use.
  ///   - length: The longest target.
  ///   - shortProbability: How often the target is drawn from 2...length.
  ///   - minimum: Sentences of a sample at least.
  ///   - sampleCount: Samples wanted; nil means one epoch.
  init(
    _ dataset: IndexedDataset, documents: Range<Int>, length: Int, shortProbability: Double, minimum: Int,
    sampleCount: Int?, seed: UInt32
  ) throws(CorpusFailure) {
    guard dataset.sequenceCount <= Int(UInt32.max), (sampleCount ?? 1) < Int(UInt32.max) else {
      throw CorpusFailure(
        dataset.prefix,
        "\(dataset.sequenceCount) sentences or \(sampleCount ?? 0) samples exceed what can be numbered, "
          + "\(UInt32.max)")
    }
    var targets = Targets(length: length, shortProbability: shortProbability, seed: seed)
    var spans: [Span] = []
    while spans.count < sampleCount ?? 1 {
      let before = spans.count
      for document in documents {
        try Self.cut(
          dataset, try dataset.sequences(ofDocument: document), minimum: minimum, &targets, into: &spans)
      }
      guard spans.count > before else {
        throw CorpusFailure(
          dataset.prefix,
          "none of the \(documents.count) documents of this part has \(minimum) sentences or more, all of at "
            + "most \(Self.longestSentence) tokens; add text or give the part a larger share of the split")
      }
    }
    var random = MersenneTwister64(seed: UInt64(seed) + 1)
    for last in stride(from: spans.count - 1, to: 0, by: -1) {
      spans.swapAt(last, Int(random.next() % UInt64(last + 1)))
    }
    self.spans = spans
  }

  private static func cut(
    _ dataset: IndexedDataset, _ sentences: Range<Int>, minimum: Int, _ targets: inout Targets,
    into spans: inout [Span]
  ) throws(CorpusFailure) {
    guard sentences.count >= minimum else { return }
    for sentence in sentences {
      let length = dataset.length(of: sentence)
      guard length >= 0 else {
        throw CorpusFailure(
          "\(dataset.prefix).idx", "sequence \(sentence) has \(length) tokens; the index is damaged")
      }
      if length > longestSentence, sentences.count > 1 { return }
    }
    var (first, tokens) = (sentences.lowerBound, 0)
    var target = targets.next()
    for sentence in sentences {
      tokens += dataset.length(of: sentence)
      let (count, rest) = (sentence + 1 - first, sentences.upperBound - sentence - 1)
      // A lone last sentence would make no pair: it joins what comes before.
      guard rest == 0 || tokens >= target && rest > 1 && count >= minimum else { continue }
      spans.append(Span(first: UInt32(first), end: UInt32(sentence + 1), target: UInt32(target)))
      (first, tokens) = (sentence + 1, 0)
      target = targets.next()
    }
  }

  /// How long each sample is to be.
  private struct Targets {
    private let length: Int
    /// Every how manieth sample is short; 0: none.
    private let ratio: UInt32
    private var random: MersenneTwister

    init(length: Int, shortProbability: Double, seed: UInt32) {
      self.length = length
      ratio = shortProbability > 0 ? UInt32((1 / shortProbability).rounded()) : 0
      random = MersenneTwister(seed: seed)
    }

    mutating func next() -> Int {
      guard ratio > 0 else { return length }
      let draw = random.next()
      return draw % ratio == 0 ? 2 + Int(draw) % (length - 1) : length
    }
  }
}
