/// Learns BERT's word pieces: byte-pair encoding over characters, of which those behind a word's first are
/// written `##c`, as Hugging Face's `WordPieceTrainer` does it.
///
/// Ids: the special tokens, the alphabet, the alphabet with `##`, then the merges as they are found; within the
/// alphabets by code point. (Hugging Face's second alphabet comes in the order of a hash table, and with it
/// which of two equally frequent pairs merges first.)
package struct WordPieceTrainer: Sendable {
  /// Special tokens, alphabets and merges together; fewer come out when the text has no more pairs.
  package var vocabularySize: Int
  /// In the order of their ids; `[UNK]` must be among them.
  package var specialTokens = WordPieceParts.specialNames
  /// Pairs that are rarer are not merged.
  package var minimumFrequency = 2
  /// The most characters that the vocabulary spells, the most frequent ones; words with others are unknown.
  package var alphabetLimit = 1000

  package init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// Trains on the words that `counter` has counted.
  ///
  /// - Returns: `tokenizer.json`, `tokenizer_config.json` and `vocab.txt`.
  package func train(
    _ counter: WordCounter, progress: (BytePairTrainer.Progress) -> Void = { _ in }
  ) throws(TokenizerFailure) -> [String: [UInt8]] {
    guard case .bert(let rule) = counter.rule else {
      throw failure("got words counted by a pattern, expected them as BERT cuts them")
    }
    guard vocabularySize <= Vocabulary.mostIds else {
      throw failure("got a vocabulary of \(vocabularySize), expected at most \(Vocabulary.mostIds)")
    }
    guard Set(specialTokens).count == specialTokens.count, specialTokens.contains("[UNK]"),
      specialTokens.allSatisfy({ !$0.isEmpty && !$0.contains("\n") })
    else {
      throw failure("got special tokens \(specialTokens), expected different ones, [UNK] among them")
    }
    let (words, counts) = counter.words()
    guard words.count > 0 else { throw failure("got no text, expected some to learn word pieces from") }
    let tokens = try learn(words, counts, progress)
    return WordPieceFiles(tokens: tokens, special: specialTokens, options: rule.characters.options).files()
  }

  private func failure(_ reason: String) -> TokenizerFailure {
    TokenizerFailure("tokenizer training", reason)
  }

  private func learn(
    _ words: ByteTable, _ counts: [Int], _ progress: (BytePairTrainer.Progress) -> Void
  ) throws(TokenizerFailure) -> [[UInt8]] {
    let start = WordPieceAlphabet(words, counts, limit: alphabetLimit, firstId: specialTokens.count)
    let prefix = Array("##".utf8)
    var tokens = specialTokens.map { Array($0.utf8) } + start.tokens
    guard vocabularySize >= tokens.count else {
      throw failure(
        "got a vocabulary of \(vocabularySize), expected at least \(tokens.count): \(specialTokens.count) "
          + "special tokens and the \(start.tokens.count) characters of this text, at a word's start and within"
      )
    }
    var known = ByteTable(expecting: vocabularySize)
    for token in tokens { _ = known.add(token) }
    let expected = vocabularySize - tokens.count
    var merges = 0
    var learner = BytePairLearner(start.symbols, words: start.words, counts: counts)
    while tokens.count < vocabularySize, let found = learner.next(minimum: minimumFrequency) {
      // What merges to the right is never a word's first, so it has the prefix.
      let token = tokens[Int(found.left)] + tokens[Int(found.right)].dropFirst(prefix.count)
      let (id, isNew) = known.add(token)
      if isNew { tokens.append(token) }
      learner.merge(found, as: Int32(id))
      merges += 1
      if merges % 100 == 0 { progress(.init(merges: merges, expected: expected)) }
    }
    progress(.init(merges: merges, expected: expected))
    return tokens
  }
}

/// The characters that words are spelled with, and the words in them.
struct WordPieceAlphabet {
  /// The characters, then the same with `##` where they stand within words.
  private(set) var tokens: [[UInt8]] = []
  /// All words end to end, and where each lies; characters outside of the alphabet are left out.
  private(set) var symbols: [Int32] = []
  private(set) var words: [Range<Int>] = []

  init(_ words: ByteTable, _ counts: [Int], limit: Int, firstId: Int) {
    var frequency: [UInt32: Int] = [:]
    var continues: Set<UInt32> = []
    let bytes = words.allBytes
    for word in 0..<words.count {
      Self.forEachCharacter(bytes.span, words.range(word)) { scalar, isFirst in
        frequency[scalar, default: 0] += counts[word]
        if !isFirst { continues.insert(scalar) }
      }
    }
    let kept = frequency.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(max(limit, 0))
    let alphabet = kept.map(\.key).sorted()
    var firsts: [UInt32: Int32] = [:]
    var others: [UInt32: Int32] = [:]
    for scalar in alphabet {
      firsts[scalar] = Int32(firstId + tokens.count)
      tokens.append(Self.text(scalar))
    }
    for scalar in alphabet where continues.contains(scalar) {
      others[scalar] = Int32(firstId + tokens.count)
      tokens.append(Array("##".utf8) + Self.text(scalar))
    }
    for word in 0..<words.count {
      let start = symbols.count
      Self.forEachCharacter(bytes.span, words.range(word)) { scalar, isFirst in
        if let id = isFirst ? firsts[scalar] : others[scalar] { symbols.append(id) }
      }
      self.words.append(start..<symbols.count)
    }
  }

  private static func text(_ scalar: UInt32) -> [UInt8] {
    Unicode.Scalar(scalar).flatMap { UTF8.encode($0) }.map(Array.init) ?? []
  }

  private static func forEachCharacter(
    _ text: Span<UInt8>, _ range: Range<Int>, _ body: (UInt32, Bool) -> Void
  ) {
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, length) = UTF8Scalar.read(text, at: position, before: range.upperBound)
      body(scalar, position == range.lowerBound)
      position += max(length, 1)
    }
  }
}
