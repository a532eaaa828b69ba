/// Samples of BERT from part of a dataset of sentences: `[CLS] A [SEP] B [SEP]`, where words are hidden that
/// targets name, and A and B are consecutive text, swapped half of the time (label 1). Sample for sample what
/// Megatron makes with the same seed.
///
/// Differences: padding has segment 0 and the tokenizer's `[PAD]` whatever its id, and is told by `lengths`
/// alone; Megatron also hides from attention a `[PAD]` that was drawn to replace a word (1.5 % / vocabulary of the
/// tokens). Source: Megatron-LM `bert_dataset.py`.
package struct BERTDataset: Samples {
  package let sequenceLength: Int
  package var count: Int { index.spans.count }
  package var layout: Batch.Layout { Batch.Layout(hasSegments: true, hasLabels: sentenceOrder) }

  let index: SentenceSpans
  private let dataset: IndexedDataset
  private let tokens: BERTTokens
  private let sentenceOrder: Bool
  private let rule: WordMasker.Rule
  private let seed: UInt32

  /// What is hidden and what is asked.
  package struct Options: Codable, Sendable, Equatable {
    /// Share of a sequence's tokens that are predicted, 0 to 1.
    package var maskingProbability = 0.15
    /// Share of samples that are shorter than the sequence, 0 to 1.
    package var shortSequenceProbability = 0.1
    /// The most consecutive words hidden together; n of them with weight 1/n.
    package var maxNGram = 3
    /// Whether words are hidden with all of their pieces.
    package var wholeWords = true

    package init() {}

    /// Throws, naming what is out of range.
    package func validate() throws(CorpusFailure) {
      guard maskingProbability >= 1e-3, maskingProbability < 1 else {
        throw CorpusFailure(
          "masking probability", "expected from 0.001 to below 1, got \(maskingProbability)")
      }
      let short = shortSequenceProbability
      guard short == 0 || short >= 1e-9 && short <= 1 else {
        throw CorpusFailure("short sequence probability", "expected 0 to 1, got \(short)")
      }
      guard (1...100).contains(maxNGram) else {
        throw CorpusFailure("n-gram", "expected 1 to 100 words at most, got \(maxNGram)")
      }
    }
  }

  /// - Parameters:
  ///   - part: The part of the dataset to draw from, in documents.
  ///   - sampleCount: Samples wanted; the data repeats as often as needed, and a last epoch is whole. Nil means
  ///     one epoch.
  ///   - sentenceOrder: Whether half of the samples have their segments swapped, and labels say so; else a sample is
  ///     one segment.
  package init(
    _ dataset: IndexedDataset, part: DatasetSplit.Part = .all, sequenceLength: Int, sampleCount: Int?,
    seed: UInt32, tokens: BERTTokens, sentenceOrder: Bool = true,
    options: Options = Options()
  ) throws {
    try options.validate()
    guard sequenceLength >= 5, sampleCount.map({ $0 > 0 }) ?? true else {
      throw CorpusFailure(
        dataset.prefix,
        "expected sequences of at least 5 tokens and a positive sample count, got \(sequenceLength) and "
          + "\(sampleCount ?? 0)")
    }
    guard try dataset.level(CorpusDescription.read(prefix: dataset.prefix)) == .sentence else {
      throw CorpusFailure(
        dataset.prefix,
        "a sequence of the dataset is a whole document, BERT needs sentences; build it with "
          + "`needletail corpus build --split-sentences`")
    }
    index = try SentenceSpans(
      dataset, documents: part.range(count: dataset.documentCount), length: sequenceLength - 3,
      shortProbability: options.shortSequenceProbability, minimum: sentenceOrder ? 2 : 1,
      sampleCount: sampleCount, seed: seed)
    self.dataset = dataset
    self.sequenceLength = sequenceLength
    self.tokens = tokens
    self.sentenceOrder = sentenceOrder
    self.seed = seed
    rule = WordMasker.Rule(options, tokens, place: dataset.prefix)
  }

  package func append(_ sample: Int, to batch: inout Batch) throws {
    precondition(sample >= 0 && sample < count, "sample \(sample) outside 0..<\(count)")
    let span = index.spans[sample]
    let sentences = Int(span.first)..<Int(span.end)
    batch.masker.random.reset(seed: seed &+ UInt32(truncatingIfNeeded: sample))
    var pair = Pair(a: Segment(sentences, of: dataset))
    var isSwapped = false
    if sentenceOrder {
      let more = sentences.count - 2
      let pivot = sentences.lowerBound + 1 + Int(batch.masker.random.next(through: UInt64(more)))
      pair = Pair(
        a: Segment(sentences.lowerBound..<pivot, of: dataset),
        b: Segment(pivot..<sentences.upperBound, of: dataset))
      isSwapped = batch.masker.random.nextFraction() < 0.5
      if isSwapped { swap(&pair.a, &pair.b) }
      batch.labels.append(isSwapped ? 1 : 0)
    }
    pair.trim(to: Int(span.target), &batch.masker.random)
    try append(pair, target: Int(span.target), to: &batch)
  }

  private func append(_ pair: Pair, target: Int, to batch: inout Batch) throws {
    let first = batch.tokens.count
    batch.tokens.append(tokens.classify)
    try append(pair.a, to: &batch.tokens)
    batch.tokens.append(tokens.separator)
    let middle = batch.tokens.count
    if pair.b.count > 0 {
      try append(pair.b, to: &batch.tokens)
      batch.tokens.append(tokens.separator)
    }
    let end = batch.tokens.count
    batch.targets.append(contentsOf: repeatElement(Batch.ignored, count: sequenceLength))
    try batch.masker.mask(&batch.tokens, &batch.targets, from: first, target: target, by: rule)
    let padding = sequenceLength - (end - first)
    batch.tokens.append(contentsOf: repeatElement(tokens.padding, count: padding))
    batch.segments.append(contentsOf: repeatElement(0, count: middle - first))
    batch.segments.append(contentsOf: repeatElement(1, count: end - middle))
    batch.segments.append(contentsOf: repeatElement(0, count: padding))
    batch.lengths.append(Int32(end - first))
  }

  private func append(_ segment: Segment, to tokens: inout [Int32]) throws(CorpusFailure) {
    var (skipped, missing) = (segment.skipped, segment.count)
    for sentence in segment.sentences where missing > 0 {
      let length = dataset.length(of: sentence)
      let first = min(skipped, length), count = min(length - first, missing)
      try dataset.append(sequence: sentence, from: first, count: count, to: &tokens)
      skipped -= first
      missing -= count
    }
  }

  /// Consecutive sentences, and which of their tokens are used.
  private struct Segment {
    var sentences = 0..<0
    var skipped = 0
    var count = 0

    init() {}

    init(_ sentences: Range<Int>, of dataset: IndexedDataset) {
      self.sentences = sentences
      for sentence in sentences { count += dataset.length(of: sentence) }
    }
  }

  private struct Pair {
    var a: Segment
    var b = Segment()

    /// Drops tokens of the longer segment, from either of its ends, until both have `target` together.
    mutating func trim(to target: Int, _ random: inout NumPyRandom) {
      while a.count + b.count > target {
        let skipped = random.nextFraction() < 0.5 ? 1 : 0
        if a.count > b.count {
          a.skipped += skipped
          a.count -= 1
        } else {
          b.skipped += skipped
          b.count -= 1
        }
      }
    }
  }
}
