import Files
import Testing

@testable import Corpus

struct BERTFixture: Decodable {
  let vocabulary: Int, pieces: Int
  let cases: [Case]

  struct Case: Decodable {
    let first: Int, last: Int, sequence: Int, wanted: Int, seed: UInt32
    let maskingProbability: Double, shortSequenceProbability: Double, maxNGram: Int
    let wholeWords: Bool, sentenceOrder: Bool
    let count: Int, spans: [UInt32], spansChecksum: UInt32
    let samples: [Sample], checksum: UInt32
  }

  struct Sample: Decodable {
    let tokens: [Int32], targets: [Int32], segments: [Int32], order: Int32
  }

  static func tokens(vocabulary: Int = 400, pieces: Int = 120) throws -> BERTTokens {
    try BERTTokens(
      classify: 1, separator: 2, mask: 3, padding: 0,
      continuesWord: (0..<vocabulary).map { $0 >= vocabulary - pieces })
  }
}

extension BERTFixture.Case {
  func dataset() throws -> BERTDataset {
    let sentences = try IndexedDataset(prefix: Fixture.path("bert_sentences"))
    let count = Double(sentences.documentCount)
    var options = BERTDataset.Options()
    options.maskingProbability = maskingProbability
    options.shortSequenceProbability = shortSequenceProbability
    options.maxNGram = maxNGram
    options.wholeWords = wholeWords
    return try BERTDataset(
      sentences, part: .init(start: Double(first) / count, end: Double(last) / count),
      sequenceLength: sequence, sampleCount: wanted, seed: seed, tokens: BERTFixture.tokens(),
      sentenceOrder: sentenceOrder, options: options)
  }
}

struct DrawnNumbers: Decodable {
  let seed: UInt32
  let fractions: [Double], integers: [Int], choices: [Int], after: UInt32
}

@Suite struct BERTDatasetTests {
  @Test("fractions, integers and choices are NumPy's")
  func draws() throws {
    for golden in try Fixture.decode([DrawnNumbers].self, "numpy_draws.json") {
      var random = NumPyRandom(seed: golden.seed &+ 1)
      _ = random.next()
      random.reset(seed: golden.seed)
      #expect((0..<5).map { _ in random.nextFraction() } == golden.fractions)
      let bounds: [(low: Int, high: Int)] = [
        (0, 1), (0, 2), (1, 9), (5, 30522), (0, 1 << 32), (0, 1 << 40), (-3, 4),
      ]
      #expect(
        bounds.map { $0.low + Int(random.next(through: UInt64($0.high - $0.low - 1))) } == golden.integers)
      for (index, choice) in golden.choices.enumerated() {
        let count = [1, 2, 3, 3, 3, 10, 10, 10][index % 8]
        let weights = Weights(values: (1...count).map { 1 / Double($0) }).normalized
        #expect(random.nextIndex(cumulative: NumPyRandom.cumulative(weights)) + 1 == choice)
      }
      #expect(random.next() == golden.after)
    }
  }

  @Test("the 64-bit Mersenne Twister gives its published output")
  func twister() {
    var random = MersenneTwister64(seed: 5489)
    for _ in 1..<10_000 { _ = random.next() }
    // The 10,000th of a default-seeded std::mt19937_64, from the C++ standard.
    #expect(random.next() == 9_981_545_732_273_789_042)
  }

  @Test("samples equal Megatron's, every token, target, segment and label")
  func samples() throws {
    for golden in try Fixture.decode(BERTFixture.self, "bert_samples.json").cases {
      let dataset = try golden.dataset()
      #expect(dataset.count == golden.count)
      let spans = dataset.index.spans.flatMap { [$0.first, $0.end, $0.target] }
      #expect(spans.prefix(golden.spans.count) == golden.spans[...])
      #expect(spans.withUnsafeBytes { Checksum(of: $0).value } == golden.spansChecksum)
      var checksum = Checksum()
      var batch = Batch()
      for sample in 0..<dataset.count {
        try Loader(dataset).read(consumed: sample, size: 1, into: &batch)
        let labels = golden.sentenceOrder ? batch.labels : [0]
        for values in [batch.tokens, batch.targets, batch.segments, batch.lengths, labels] {
          values.withUnsafeBytes { checksum.update($0) }
        }
        guard sample < golden.samples.count else { continue }
        let expected = golden.samples[sample]
        let length = Int(batch.lengths[0])
        #expect(batch.tokens.prefix(length) == expected.tokens[...])
        #expect(batch.targets.prefix(length) == expected.targets[...])
        #expect(batch.segments.prefix(length) == expected.segments[...])
        #expect(labels == [expected.order])
      }
      #expect(checksum.value == golden.checksum, "\(golden)")
    }
  }

  @Test("a sample depends on its index alone, and later ones reuse the storage of the first")
  func storage() throws {
    let dataset = try BERTFixture.Case.usual().dataset()
    var all = Batch(), one = Batch()
    try Loader(dataset).read(0..<8, into: &all)
    #expect(all.labels.count == 8 && all.sequences == 8)
    for index in [5, 0, 7] {
      try Loader(dataset).read(index..<index + 1, into: &one)
      #expect(one.tokens[...] == all.tokens[index * 128..<(index + 1) * 128])
      #expect(one.targets[...] == all.targets[index * 128..<(index + 1) * 128])
    }
    let before = all.tokens.withUnsafeBufferPointer(\.baseAddress)
    try Loader(dataset).read(8..<16, into: &all)
    #expect(all.tokens.withUnsafeBufferPointer(\.baseAddress) == before)
  }

  @Test("every seventh token is hidden, four fifths of them by the mask, words whole")
  func distribution() throws {
    let dataset = try BERTFixture.Case.usual().dataset()
    let vocabulary = try BERTFixture.tokens()
    var batch = Batch()
    var (shown, hidden, masks, kept, swapped) = (0, 0, 0, 0, 0)
    for sample in 0..<dataset.count {
      try Loader(dataset).read(consumed: sample, size: 1, into: &batch)
      let length = Int(batch.lengths[0])
      shown += length
      swapped += Int(batch.labels[0])
      for position in 0..<length where batch.targets[position] >= 0 {
        hidden += 1
        if batch.tokens[position] == vocabulary.mask { masks += 1 }
        if batch.tokens[position] == batch.targets[position] { kept += 1 }
        // What goes on with a hidden word is hidden too.
        guard position + 1 < length, batch.tokens[position + 1] != vocabulary.separator else { continue }
        let next = batch.targets[position + 1] < 0 ? batch.tokens[position + 1] : 0
        #expect(!vocabulary.continuesWord[Int(next)])
      }
      #expect(batch.targets[length...].allSatisfy { $0 == Batch.ignored })
      #expect(batch.tokens[length...].allSatisfy { $0 == vocabulary.padding })
    }
    #expect(abs(Double(hidden) / Double(shown) - 0.15) < 0.01)
    #expect(abs(Double(masks) / Double(hidden) - 0.8) < 0.03)
    #expect(abs(Double(kept) / Double(hidden) - 0.1) < 0.03)
    #expect(abs(Double(swapped) / Double(dataset.count) - 0.5) < 0.1)
  }

  @Test("a dataset of documents, one without pairs, and options out of range are refused with what to do")
  func refusals() throws {
    let tokens = try BERTFixture.tokens()
    func make(
      _ name: String, part: DatasetSplit.Part = .all, length: Int = 32, count: Int? = 4,
      _ change: (inout BERTDataset.Options) -> Void = { _ in }
    ) -> String? {
      var options = BERTDataset.Options()
      change(&options)
      return message {
        _ = try BERTDataset(
          IndexedDataset(prefix: Fixture.path(name)), part: part, sequenceLength: length, sampleCount: count,
          seed: 1, tokens: tokens, options: options)
      }
    }
    #expect(make("numbered")?.contains("--split-sentences") == true)
    // Document 7 has a sentence of 520 tokens, document 8 just one sentence.
    let none = make("bert_sentences", part: .init(start: 7.0 / 60, end: 9.0 / 60))
    #expect(none?.contains("none of the 2 documents") == true)
    #expect(make("bert_sentences", part: .init(start: 0.5, end: 0.5))?.contains("0 documents") == true)
    #expect(make("bert_sentences", length: 4) != nil && make("bert_sentences", count: 0) != nil)
    #expect(make("bert_sentences", count: .max) != nil)
    #expect(make("bert_sentences") { $0.maskingProbability = 1 } != nil)
    #expect(make("bert_sentences") { $0.maskingProbability = .nan } != nil)
    #expect(make("bert_sentences") { $0.shortSequenceProbability = -0.1 } != nil)
    #expect(make("bert_sentences") { $0.maxNGram = 0 } != nil)
    #expect(make("bert_sentences") == nil && make("bert_sentences", count: nil) == nil)
    #expect(
      message {
        _ = try BERTTokens(
          classify: 1, separator: 2, mask: 9, padding: 0, continuesWord: [false, false, true])
      }?.contains("[MASK] is token 9, the vocabulary has 3") == true)
  }

  @Test("a token outside the vocabulary is an error")
  func stray() throws {
    let dataset = try BERTDataset(
      IndexedDataset(prefix: Fixture.path("bert_sentences")), sequenceLength: 64, sampleCount: 4, seed: 1,
      tokens: BERTFixture.tokens(vocabulary: 100, pieces: 10))
    var batch = Batch()
    let text = message { try Loader(dataset).read(0..<4, into: &batch) }
    #expect(
      text?.contains("bert_sentences: the dataset holds token") == true
        && text?.contains("the vocabulary has 100; was it built with another tokenizer?") == true)
  }
}

extension BERTFixture.Case {
  /// The first: what Megatron trains BERT with.
  static func usual() throws -> BERTFixture.Case {
    try Fixture.decode(BERTFixture.self, "bert_samples.json").cases[0]
  }
}
