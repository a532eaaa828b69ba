/// Trains byte-level BPE (Sennrich et al. 2016, over bytes as in GPT-2).
///
/// Ids: the special tokens, then the 256 bytes in the order of GPT-2, then the merges as they are found.
/// With `vocabularySize` = 256 + special tokens there are no merges and every byte is a token.
package struct BytePairTrainer: Sendable {
  /// Special tokens, bytes and merges together; fewer come out when the text has no more pairs.
  package var vocabularySize: Int
  /// In the order of their ids.
  package var specialTokens = ["<|endoftext|>"]
  /// Pairs that are rarer are not merged.
  package var minimumFrequency = 2

  package struct Progress: Sendable {
    package let merges: Int
    package let expected: Int
  }

  package init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// Trains on documents that are all in memory.
  package func train(
    _ documents: [[UInt8]], pattern: Pretokenizer.Pattern = .gpt2, threads: Int = 1,
    progress: (Progress) -> Void = { _ in }
  ) throws(TokenizerFailure) -> TokenizerFiles {
    let counter = WordCounter(Pretokenizer(pattern), threads: threads)
    counter.add(documents)
    return try train(counter, progress: progress)
  }

  /// Trains on what `counter` has counted.
  ///
  /// - Returns: the tokenizer and its one file, `tokenizer.json`.
  package func train(
    _ counter: WordCounter, progress: (Progress) -> Void = { _ in }
  ) throws(TokenizerFailure) -> TokenizerFiles {
    let smallest = 256 + specialTokens.count
    guard vocabularySize >= smallest, vocabularySize <= Vocabulary.mostIds else {
      throw failure(
        "got a vocabulary of \(vocabularySize), expected at least \(smallest) (256 bytes and "
          + "\(specialTokens.count) special tokens) and at most \(Vocabulary.mostIds)")
    }
    guard Set(specialTokens).count == specialTokens.count, specialTokens.allSatisfy({ $0.utf8.count > 1 })
    else {
      throw failure("got special tokens \(specialTokens), expected different ones of two bytes or more")
    }
    guard case .pieces(let pretokenizer) = counter.rule else {
      throw failure("got words counted as BERT cuts them, expected the pieces of a pattern")
    }
    let (words, counts) = counter.words()
    guard words.count > 0 || vocabularySize == smallest else {
      throw failure("got no text, expected some to learn \(vocabularySize - smallest) merges from")
    }
    let learned = learn(words, counts, progress)
    let bytes = TokenizerJSON(
      tokens: learned.tokens, special: specialTokens, merges: learned.merges,
      pretokenizer: pretokenizer
    ).bytes()
    return try TokenizerFormat.load(["tokenizer.json": bytes])
  }

  private func failure(_ reason: String) -> TokenizerFailure {
    TokenizerFailure("tokenizer training", reason)
  }

  private func learn(
    _ words: ByteTable, _ counts: [Int], _ progress: (Progress) -> Void
  ) -> (tokens: [[UInt8]], merges: [(left: Int32, right: Int32)]) {
    var tokens = specialTokens.map { Array($0.utf8) }
    let reserved = Set(tokens)
    var known = ByteTable(expecting: vocabularySize)
    for token in tokens { _ = known.add(token) }
    var symbol = Array(repeating: Int32(0), count: 256)
    for byte in ByteAlphabet.gpt2.bytesByCharacter {
      symbol[Int(byte)] = Int32(tokens.count)
      tokens.append([byte])
      _ = known.add([byte])
    }
    let expected = vocabularySize - tokens.count
    var merges: [(left: Int32, right: Int32)] = []
    guard expected > 0 else { return (tokens, merges) }
    var learner = BytePairLearner(words, counts: counts, symbol: symbol)
    while tokens.count < vocabularySize, let found = learner.next(minimum: minimumFrequency) {
      let token = tokens[Int(found.left)] + tokens[Int(found.right)]
      // Text must never spell a special token's id.
      if reserved.contains(token) { continue }
      let (id, isNew) = known.add(token)
      if isNew { tokens.append(token) }
      merges.append((found.left, found.right))
      learner.merge(found, as: Int32(id))
      if merges.count % 100 == 0 { progress(Progress(merges: merges.count, expected: expected)) }
    }
    progress(Progress(merges: merges.count, expected: expected))
    return (tokens, merges)
  }
}
