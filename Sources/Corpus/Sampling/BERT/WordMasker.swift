/// Chooses words of one sample to predict and hides them; keeps its storage from sample to sample.
///
/// Source: Megatron-LM `masked_dataset.py`; n-grams of whole words as in Megatron-LM 2019 and SpanBERT.
struct WordMasker: Sendable {
  /// The stream of the sample.
  var random = NumPyRandom(seed: 0)
  /// Where the tokens are that may be hidden.
  private var places: [Int32] = []
  /// Where in `places` each word starts, and their end.
  private var words: [Int32] = []
  private var order: [Int32] = []
  /// Which of `places` are chosen.
  private var isChosen: [Bool] = []

  /// Words to choose at a time and how much.
  struct Rule: Sendable, Equatable {
    let probability: Double
    let wholeWords: Bool
    /// Running sums of the probabilities of 1, 2, … words: 1/n, normalised.
    let lengths: [Double]
    let vocabulary: BERTTokens
    /// The dataset, for errors.
    let place: String

    init(_ options: BERTDataset.Options, _ vocabulary: BERTTokens, place: String) {
      self.vocabulary = vocabulary
      self.place = place
      probability = options.maskingProbability
      wholeWords = options.wholeWords
      let weights = Weights(values: (1...options.maxNGram).map { 1 / Double($0) })
      lengths = NumPyRandom.cumulative(weights.normalized)
    }
  }

  /// Hides words of `tokens[first...]` and writes what they were to the same places of `targets`.
  mutating func mask(
    _ tokens: inout [Int32], _ targets: inout [Int32], from first: Int, target: Int, by rule: Rule
  ) throws(CorpusFailure) {
    try findWords(tokens, from: first, by: rule)
    let share = rule.probability
    let count = Double(tokens.count - first) * share
    let limit = min(share * Double(target), max(1, count.rounded(.toNearestOrEven)))
    var chosen = 0
    random.shuffle(&order)
    for word in order {
      if Double(chosen) >= limit { return }
      let drawn = random.nextIndex(cumulative: rule.lengths) + 1
      guard let range = candidate(at: Int(word), words: drawn, room: limit - Double(chosen)) else { continue }
      if isChosen[range].contains(true) { continue }
      for place in range {
        isChosen[place] = true
        let position = Int(places[place])
        targets[position] = tokens[position]
        if let replacement = replacement(rule.vocabulary) { tokens[position] = replacement }
      }
      chosen += range.count
    }
  }

  /// The most of `words` words from `word` on whose tokens there is room for, in `places`.
  private func candidate(at word: Int, words count: Int, room: Double) -> Range<Int>? {
    for count in stride(from: count, to: 0, by: -1) {
      let range = Int(words[word])..<Int(words[min(word + count, words.count - 1)])
      if Double(range.count) <= room { return range }
    }
    return nil
  }

  /// 80 % the mask, 10 % any token, 10 % what it was.
  private mutating func replacement(_ vocabulary: BERTTokens) -> Int32? {
    if random.nextFraction() < 0.8 { return vocabulary.mask }
    guard random.nextFraction() >= 0.5 else { return nil }
    return Int32(random.next(through: UInt64(vocabulary.vocabularySize - 1)))
  }

  private mutating func findWords(
    _ tokens: [Int32], from first: Int, by rule: Rule
  ) throws(CorpusFailure) {
    let vocabulary = rule.vocabulary
    places.removeAll(keepingCapacity: true)
    words.removeAll(keepingCapacity: true)
    order.removeAll(keepingCapacity: true)
    isChosen.removeAll(keepingCapacity: true)
    for position in first..<tokens.count {
      let token = tokens[position]
      if token == vocabulary.classify || token == vocabulary.separator { continue }
      guard token >= 0, token < vocabulary.vocabularySize else {
        throw CorpusFailure(
          rule.place,
          "the dataset holds token \(token), the vocabulary has \(vocabulary.vocabularySize); "
            + "was it built with another tokenizer?")
      }
      // A piece that begins a segment goes on with the word before the separator, as in Megatron.
      if words.isEmpty || !rule.wholeWords || !vocabulary.continuesWord[Int(token)] {
        order.append(Int32(words.count))
        words.append(Int32(places.count))
      }
      places.append(Int32(position))
      isChosen.append(false)
    }
    words.append(Int32(places.count))
  }
}
