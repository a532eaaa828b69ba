import Testing

@testable import Corpus

struct Shuffled: Decodable, Sendable {
  let seed: UInt32
  let count: Int
  let order: [Int]
}

struct SampleCase: Decodable {
  let first: Int, last: Int, sequence: Int, wanted: Int?, seed: UInt32
  let separate: Bool
  let documents: [Int32], starts: [Int32], shuffle: [UInt32], samples: [[Int32]]
}

struct Blend: Decodable {
  let weights: [Double], normalized: [Double], count: Int, shares: [Int]
  let components: [Int16], samples: [UInt32]
}

struct SplitCase: Decodable {
  let split: String, count: Int, edges: [Int]
}

@Suite struct SamplingTests {
  @Test("the shuffle is NumPy's")
  func shuffle() throws {
    for golden in try Fixture.decode([Shuffled].self, "numpy_shuffle.json") {
      var random = NumPyRandom(seed: golden.seed)
      var order = Array(0..<golden.count)
      random.shuffle(&order)
      #expect(order == golden.order, "seed \(golden.seed), \(golden.count) values")
    }
  }

  @Test("the Mersenne Twister gives its published outputs")
  func twister() {
    var random = NumPyRandom(seed: 5489)
    #expect(random.next() == 3_499_211_612)
    for _ in 2..<10_000 { _ = random.next() }
    #expect(random.next() == 4_123_659_995)
  }

  @Test("documents, samples and order equal Megatron's number for number")
  func samples() throws {
    let numbered = try IndexedDataset(prefix: Fixture.path("numbered"))
    let count = Double(numbered.sequenceCount)
    for golden in try Fixture.decode([SampleCase].self, "gpt_samples.json") {
      let part = DatasetSplit.Part(start: Double(golden.first) / count, end: Double(golden.last) / count)
      let dataset = try GPTDataset(
        numbered, part: part, sequenceLength: golden.sequence, sampleCount: golden.wanted, seed: golden.seed)
      #expect(dataset.index.documents == golden.documents)
      #expect(dataset.index.starts.flatMap { [$0.document, $0.offset] } == golden.starts)
      #expect(dataset.index.shuffle == golden.shuffle)
      var batch = Batch()
      for (sample, expected) in golden.samples.enumerated() {
        try Loader(dataset).read(consumed: sample, size: 1, into: &batch)
        #expect(batch.tokens == expected.dropLast() && batch.targets == Array(expected.dropFirst()))
      }
      try Loader(dataset).read(0..<dataset.count, into: &batch)
      #expect(batch.tokens.count == dataset.count * golden.sequence)
    }
  }

  @Test("blends and their shares equal Megatron's")
  func blends() throws {
    for golden in try Fixture.decode([Blend].self, "blends.json") {
      let weights = Weights(values: golden.weights).normalized
      #expect(weights.values == golden.normalized, "to the last bit")
      #expect(
        weights.values.map { BlendedDataset.share(of: golden.count, weight: $0) } == golden.shares)
      let order = BlendOrder(weights: weights.normalized, count: golden.count)
      #expect(order.components == golden.components)
      #expect(order.samples == golden.samples)
    }
  }

  @Test("splits round as Python rounds")
  func splits() throws {
    for golden in try Fixture.decode([SplitCase].self, "splits.json") {
      let split = try DatasetSplit(golden.split)
      let parts = [split.training, split.validation, split.test].map { $0.range(count: golden.count) }
      #expect(parts.map(\.lowerBound) + [parts[2].upperBound] == golden.edges, "\(golden.split)")
    }
  }

  @Test(
    "a split that is not numbers is refused", arguments: ["", "a", "1,,2", "-1,2", "0,0", "1,2,3,4", "inf"])
  func badSplit(text: String) {
    #expect(throws: CorpusFailure.self) { try DatasetSplit(text) }
  }

  @Test("too little text for one sample says how much there is")
  func tooShort() throws {
    let dataset = try IndexedDataset(prefix: Fixture.path("megatron_u16"))
    let text = message {
      _ = try GPTDataset(dataset, sequenceLength: 26, sampleCount: nil, seed: 0)
    }
    #expect(text?.contains("has 26 tokens, a sample needs 27") == true)
    #expect(throws: CorpusFailure.self) {
      try GPTDataset(dataset, part: .init(start: 0.4, end: 0.6), sequenceLength: 4, sampleCount: 9, seed: 0)
    }
    #expect(throws: CorpusFailure.self) {
      try GPTDataset(dataset, sequenceLength: 1024, sampleCount: .max, seed: 0)
    }
    #expect(throws: CorpusFailure.self) {
      try GPTDataset(dataset, sequenceLength: 0, sampleCount: 1, seed: 0)
    }
  }

  @Test("a blend reads each dataset by its share")
  func blended() throws {
    let numbered = try IndexedDataset(prefix: Fixture.path("numbered"))
    let split = try DatasetSplit("1,1")
    func component(_ part: DatasetSplit.Part, weight: Double) -> BlendedDataset.Component {
      .init(numbered.prefix, weight: weight) {
        try GPTDataset(numbered, part: part, sequenceLength: 8, sampleCount: $0, seed: 1)
      }
    }
    let blend = try BlendedDataset(
      [component(split.training, weight: 3), component(split.validation, weight: 1)], sampleCount: 400)
    #expect(blend.count == 400)
    var fromFirst = 0
    var batch = Batch()
    for sample in 0..<blend.count {
      try Loader(blend).read(consumed: sample, size: 1, into: &batch)
      #expect(batch.tokens.count == 8)
      if batch.tokens[0] < 2000 { fromFirst += 1 }
    }
    #expect(fromFirst == 300)
    #expect(throws: CorpusFailure.self) {
      try BlendedDataset([component(.all, weight: 0)], sampleCount: 4)
    }
    #expect(throws: CorpusFailure.self) {
      try BlendedDataset([], sampleCount: 4)
    }
  }
}

/// Sample i is i, i + 1, …
struct Counting: Samples {
  let count = 1000
  let sequenceLength = 4
  var maskAfter: Int32?

  func append(_ index: Int, to batch: inout Batch) {
    for offset in 0...4 { batch.tokens.append(Int32(index + offset)) }
    batch.shiftTargets(maskAfter: maskAfter)
  }
}

/// Sample i asks which of two sequences, i and i + 1, is i.
struct Choosing: Samples {
  let count = 1000
  let sequenceLength = 2
  let layout = Batch.Layout(sequences: 2, hasSegments: true, hasLabels: true)

  func append(_ index: Int, to batch: inout Batch) {
    for choice in 0..<2 {
      batch.tokens += [Int32(index + choice), 0]
      batch.targets += [Batch.ignored, Batch.ignored]
      batch.segments += [1, 0]
      batch.lengths.append(2)
    }
    batch.labels.append(0)
  }
}

@Suite struct LoaderTests {
  @Test("targets are the tokens one further, ignored after the end of a document")
  func targets() throws {
    var batch = Batch()
    try Loader(Counting(maskAfter: 12)).read(consumed: 10, size: 2, into: &batch)
    #expect(batch.tokens == [10, 11, 12, 13, 11, 12, 13, 14])
    #expect(batch.targets == [11, 12, -1, 14, 12, -1, 14, 15])
    #expect(batch.count == 2 && batch.sequenceLength == 4)
    #expect(batch.segments.isEmpty && batch.lengths.isEmpty && batch.labels.isEmpty)
  }

  @Test("padding is scored nowhere, shows one token a sequence, and needs no sample before it")
  func padding() throws {
    var batch = Batch()
    try Loader(Choosing()).read(5..<6, into: &batch)
    batch.pad(to: 2)
    #expect(batch.count == 2 && batch.sequences == 4)
    #expect(batch.tokens == [5, 0, 6, 0, 0, 0, 0, 0])
    #expect(batch.targets == Array(repeating: -1, count: 8))
    #expect(batch.segments == [1, 0, 1, 0, 0, 0, 0, 0])
    #expect(batch.lengths == [2, 2, 1, 1])
    #expect(batch.labels == [0, -1])
    try Loader(Choosing()).read(5..<5, into: &batch)
    batch.pad(to: 1)
    #expect(batch.tokens == [0, 0, 0, 0] && batch.segments == [0, 0, 0, 0])
    #expect(batch.lengths == [1, 1] && batch.labels == [-1])
    try Loader(Counting()).read(0..<1, into: &batch)
    batch.pad(to: 2)
    #expect(batch.tokens.count == 8 && batch.targets[4...] == [-1, -1, -1, -1])
    #expect(batch.segments.isEmpty && batch.lengths.isEmpty && batch.labels.isEmpty)
  }

  @Test("reading past the samples built is an error")
  func past() {
    var batch = Batch()
    #expect(throws: CorpusFailure.self) {
      try Loader(Counting()).read(consumed: 999, size: 2, into: &batch)
    }
  }

  @Test("a second batch reuses the storage of the first")
  func reuse() throws {
    let numbered = try IndexedDataset(prefix: Fixture.path("numbered"))
    let loader = Loader(try GPTDataset(numbered, sequenceLength: 16, sampleCount: 64, seed: 3))
    var batch = Batch()
    try loader.read(consumed: 0, size: 8, into: &batch)
    let (tokens, targets) = (batch.tokens.withUnsafeBufferPointer(\.baseAddress), batch.targets.capacity)
    try loader.read(consumed: 8, size: 8, into: &batch)
    #expect(batch.tokens.withUnsafeBufferPointer(\.baseAddress) == tokens)
    #expect(batch.targets.capacity == targets)
  }
}
