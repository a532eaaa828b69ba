import Testing

@testable import Tokenizers

@Suite("WordPiece training")
struct WordPieceTrainerTests {
  private static func counter(cased: Bool = false, threads: Int = 1) throws -> WordCounter {
    let counter = WordCounter(bertCased: cased, threads: threads)
    counter.add(try Fixture.bytes("text.txt").split(separator: 10).map(Array.init))
    return counter
  }

  /// The rule as it stands in words: every step counts all pairs anew, and of equally frequent ones takes
  /// that of the smaller ids.
  private static func slowVocabulary(
    _ texts: [(word: String, count: Int)], alphabet: [String], size: Int
  ) -> [String] {
    var tokens = alphabet
    var words = texts.map { text in
      (pieces: text.word.enumerated().map { $0 == 0 ? String($1) : "##\($1)" }, count: text.count)
    }
    while tokens.count < size {
      var counts: [[Int]: Int] = [:]
      for word in words {
        let ids = word.pieces.compactMap { tokens.firstIndex(of: $0) }
        for (left, right) in zip(ids, ids.dropFirst()) { counts[[left, right], default: 0] += word.count }
      }
      let most = counts.values.max() ?? 0
      let best = counts.filter { $0.value == most }.keys.min { $0.lexicographicallyPrecedes($1) }
      guard most >= 2, let best else { break }
      let (left, right) = (tokens[best[0]], tokens[best[1]])
      let joined = left + right.dropFirst(2)
      if !tokens.contains(joined) { tokens.append(joined) }
      for index in words.indices {
        var at = 0
        while at + 1 < words[index].pieces.count {
          if words[index].pieces[at...at + 1] == [left, right] {
            words[index].pieces.replaceSubrange(at...at + 1, with: [joined])
          }
          at += 1
        }
      }
    }
    return tokens
  }

  @Test("merges what is most frequent")
  func merges() throws {
    let words = [
      ("needletail", 40), ("needle", 27), ("tail", 15), ("needles", 5), ("détail", 3), ("tale", 2),
    ]
    let text = words.map { String(repeating: $0 + " ", count: $1) }.joined()
    let counter = WordCounter(bertCased: true)
    counter.add([Array(text.utf8)])
    var trainer = WordPieceTrainer(vocabularySize: 45)
    let tokens = String(decoding: try trainer.train(counter)["vocab.txt"] ?? [], as: UTF8.self)
      .split(separator: "\n").map(String.init)
    let alphabet =
      WordPieceParts.specialNames + tokens.dropFirst(5).filter { $0.count == 1 }
      + tokens.filter { $0.count == 3 && $0.hasPrefix("##") }
    #expect(tokens == Self.slowVocabulary(words, alphabet: alphabet, size: 45))
    #expect(Set(["needle", "needletail", "tail", "##tail"]).isSubset(of: tokens))
    trainer.vocabularySize = 10
    #expect(throws: TokenizerFailure.self) { try trainer.train(counter) }
  }

  @Test("what it writes reads the text it has seen, whole, from either file", arguments: [true, false])
  func readsItsText(cased: Bool) throws {
    let files = try WordPieceTrainer(vocabularySize: 400).train(Self.counter(cased: cased))
    let whole = try TokenizerFormat.load(files)
    #expect(whole.format == .huggingFace)
    #expect(whole.tokenizer.vocabularySize == files["vocab.txt"]?.split(separator: 10).count)
    let other = try TokenizerFormat.load(files.filter { $0.key != "tokenizer.json" })
    #expect(other.format == .wordPiece)
    let text = try Fixture.bytes("text.txt")
    let ids = whole.tokenizer.encode(text)
    #expect(other.tokenizer.encode(text) == ids)
    #expect(!ids.contains(1))
    #expect(whole.tokenizer.encode("Über") == whole.tokenizer.encode("uber") || cased)
    #expect(whole.tokenizer.text(of: whole.tokenizer.encode("the needletail")) == "the needletail")
  }

  @Test("does not depend on threads, and rare characters are unknown")
  func alphabet() throws {
    var trainer = WordPieceTrainer(vocabularySize: 300)
    #expect(try trainer.train(Self.counter(threads: 3)) == trainer.train(Self.counter()))
    trainer.alphabetLimit = 20
    let tokenizer = try TokenizerFormat.load(trainer.train(Self.counter())).tokenizer
    #expect(tokenizer.encode("swift 東") == tokenizer.encode("swift") + [1])
  }

  @Test("says what is wrong with a request")
  func failures() throws {
    let trainer = WordPieceTrainer(vocabularySize: 400)
    #expect(throws: TokenizerFailure.self) { try trainer.train(WordCounter(bertCased: false)) }
    #expect(throws: TokenizerFailure.self) { try trainer.train(WordCounter(Pretokenizer(.gpt2))) }
    #expect(throws: TokenizerFailure.self) { try BytePairTrainer(vocabularySize: 300).train(Self.counter()) }
    var unnamed = trainer
    unnamed.specialTokens = ["[PAD]"]
    #expect(throws: TokenizerFailure.self) { try unnamed.train(Self.counter()) }
  }
}
