/// The order in which a dataset is read: which sequences follow one another, where each sample starts in
/// that row, and in which order samples are taken. Number for number Megatron's for the same seed.
///
/// One random stream, used in this order: documents, then samples. Source: Megatron-LM `gpt_dataset.py`.
struct SampleIndex: Sendable, Equatable {
  /// Sequence numbers, all epochs in one row, shuffled.
  let documents: [Int32]
  /// Where sample i starts; one more entry than samples, consecutive samples share one token.
  let starts: [Position]
  /// Sample taken at each step.
  let shuffle: [UInt32]

  /// A place in the row of documents: entry and token offset in it.
  struct Position: Sendable, Equatable {
    var document: Int32
    var offset: Int32
  }

  var count: Int { shuffle.count }

  /// - Parameters:
  ///   - sequences: The part of the dataset to use.
  ///   - lengths: Tokens of each sequence of that part, not negative.
  ///   - sampleCount: Samples wanted, which decides the epochs; nil means one epoch.
  init(
    sequences: Range<Int>, lengths: [Int32], sequenceLength: Int, sampleCount: Int?, seed: UInt32,
    place: String
  ) throws(CorpusFailure) {
    let tokens = lengths.reduce(0) { $0 + Int($1) }
    let plan = try EpochPlan(
      tokensPerEpoch: tokens, sequenceLength: sequenceLength, sampleCount: sampleCount, place: place)
    guard plan.count < Int(UInt32.max) - 1, plan.epochs <= Int(Int32.max) / max(sequences.count, 1),
      sequences.upperBound <= Int(Int32.max)
    else {
      throw CorpusFailure(
        place,
        "\(plan.count) samples of \(plan.epochs) epochs over \(sequences.count) documents exceed the index; "
          + "ask for fewer samples or a longer sequence")
    }
    var random = NumPyRandom(seed: seed)
    documents = Self.documentOrder(sequences, plan: plan, random: &random)
    starts = Self.sampleStarts(
      documents, first: sequences.lowerBound, lengths: lengths, sequenceLength: sequenceLength,
      count: plan.count)
    shuffle = Self.sampleOrder(plan: plan, random: &random)
  }

  private static func documentOrder(
    _ sequences: Range<Int>, plan: EpochPlan, random: inout NumPyRandom
  ) -> [Int32] {
    func shuffled(epochs: Int) -> [Int32] {
      let epoch = sequences.map { Int32($0) }
      var row: [Int32] = []
      row.reserveCapacity(epochs * epoch.count)
      for _ in 0..<epochs { row.append(contentsOf: epoch) }
      random.shuffle(&row)
      return row
    }
    guard plan.separatesFinalEpoch else { return shuffled(epochs: plan.epochs) }
    return shuffled(epochs: plan.epochs - 1) + shuffled(epochs: 1)
  }

  /// Walks the row of documents once, cutting it every `sequenceLength` tokens.
  private static func sampleStarts(
    _ documents: [Int32], first: Int, lengths: [Int32], sequenceLength: Int, count: Int
  ) -> [Position] {
    var starts: [Position] = []
    starts.reserveCapacity(count + 1)
    var position = Position(document: 0, offset: 0)
    starts.append(position)
    for _ in 0..<count {
      // The last token of a sample is the first of the next, so a cut may not pass a document's last
      // token: with `remaining` = 0 left to take the offset still names that token.
      var remaining = sequenceLength + 1
      while true {
        let length = Int(lengths[Int(documents[Int(position.document)]) - first]) - Int(position.offset)
        if remaining <= length {
          position.offset += Int32(remaining - 1)
          break
        }
        remaining -= length
        position = Position(document: position.document + 1, offset: 0)
      }
      starts.append(position)
    }
    return starts
  }

  private static func sampleOrder(plan: EpochPlan, random: inout NumPyRandom) -> [UInt32] {
    func shuffled(_ range: Range<Int>) -> [UInt32] {
      var order = range.map { UInt32($0) }
      random.shuffle(&order)
      return order
    }
    guard plan.separatesFinalEpoch else { return shuffled(0..<plan.count) }
    let sansFinal = plan.countSansFinalEpoch
    return shuffled(0..<sansFinal) + shuffled(sansFinal..<plan.count)
  }
}

/// How many passes over the data a number of samples takes, and whether the last, partial one is shuffled
/// on its own: it is when less than 80 % of it is needed, so that its documents do not appear early.
struct EpochPlan: Equatable {
  let epochs: Int
  /// Samples the epochs hold, at least as many as asked for: (epochs · tokens − 1) / sequence.
  let count: Int
  let countSansFinalEpoch: Int
  let separatesFinalEpoch: Bool

  init(tokensPerEpoch: Int, sequenceLength: Int, sampleCount: Int?, place: String) throws(CorpusFailure) {
    guard sequenceLength > 0, sampleCount.map({ $0 > 0 }) ?? true else {
      throw CorpusFailure(
        place,
        "expected a positive sequence length and sample count, got \(sequenceLength) and \(sampleCount ?? 0)")
    }
    guard tokensPerEpoch > (sampleCount == nil ? sequenceLength : 1) else {
      throw CorpusFailure(
        place,
        "this part of the dataset has \(tokensPerEpoch) tokens, a sample needs \(sequenceLength + 1); "
          + "add text, give the part a larger share of the split or shorten the sequence")
    }
    let (product, overflow) = (sampleCount ?? 1).multipliedReportingOverflow(by: sequenceLength)
    let (padded, more) = product.addingReportingOverflow(tokensPerEpoch)
    guard !overflow, !more else {
      throw CorpusFailure(place, "\(sampleCount ?? 1) samples of \(sequenceLength) tokens are too many")
    }
    // The least E with E·T ≥ samples·sequence + 1; padded = samples·sequence + T.
    epochs = sampleCount == nil ? 1 : padded / tokensPerEpoch
    count = (epochs * tokensPerEpoch - 1) / sequenceLength
    countSansFinalEpoch = ((epochs - 1) * tokensPerEpoch - 1) / sequenceLength
    let fromFinal = (sampleCount ?? count) - countSansFinalEpoch
    let perEpoch = (tokensPerEpoch - 1) / sequenceLength
    separatesFinalEpoch = epochs > 1 && fromFinal < Int(0.8 * Double(perEpoch))
  }
}
