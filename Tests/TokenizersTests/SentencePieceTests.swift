import Testing

@testable import Tokenizers

@Suite("SentencePiece")
struct SentencePieceTests {
  @Test("gives the ids and the text that the Python package gives", arguments: ["llama", "unigram", "rules"])
  func idsEqualPython(name: String) throws {
    let tokenizer = try Fixture.sentencePiece(name)
    for vector in try Fixture.vectors(name) {
      #expect(tokenizer.encode(vector.text) == vector.ids)
      #expect(tokenizer.decode(vector.ids) == vector.decoded)
    }
  }

  @Test("our merges give what the library gives")
  func mergesEqualLibrary() throws {
    let model = try Self.trained()
    let tokenizer = try SentencePieceTokenizer(model: model, source: "trained")
    let processor = try SentencePieceProcessor(model, source: "trained")
    for vector in try Fixture.vectors("llama") {
      var ids: [Int32] = []
      try processor.encode(vector.text.span, 0..<vector.text.count, into: &ids)
      #expect(tokenizer.encode(vector.text) == ids)
      #expect(try processor.decode(ids) == tokenizer.decode(ids))
    }
  }

  @Test("a unigram model reads bytes that are not UTF-8 as the library does")
  func unigramNoise() throws {
    let model = try Fixture.bytes("rules.model")
    let tokenizer = try SentencePieceTokenizer(model: model, source: "rules")
    let processor = try SentencePieceProcessor(model, source: "rules")
    for seed in UInt64(1)...20 {
      let bytes = Fixture.noise(count: 200, seed: seed)
      var ids: [Int32] = []
      try processor.encode(bytes.span, 0..<bytes.count, into: &ids)
      #expect(tokenizer.decode(tokenizer.encode(bytes)) == tokenizer.decode(ids))
    }
  }

  @Test("no character before a piece is lost, whatever the model has of it", arguments: ["rules", "unigram"])
  func anyCharacterBeforeAPiece(name: String) throws {
    let model = try Fixture.bytes("\(name).model")
    let tokenizer = try SentencePieceTokenizer(model: model, source: name)
    let processor = try SentencePieceProcessor(model, source: name)
    for byte in UInt8(1)...127 {
      let text = [0x61, byte] + Array("hello ".utf8) + [byte] + Array("the".utf8)
      var ids: [Int32] = []
      try processor.encode(text.span, 0..<text.count, into: &ids)
      #expect(tokenizer.encode(text) == ids, "the byte \(byte)")
    }
  }

  @Test("a damaged table of replacements is refused, or replaces wrongly, and never crashes")
  func damagedRules() throws {
    let table = try SentencePieceModel(Fixture.bytes("rules.model"), source: "rules").replacements
    #expect(table.count > 1000)
    let text = Array("\u{FF21}\u{FB01}e\u{301}\u{2026} \u{A0}".utf8)
    for length in 1..<table.count {
      #expect(throws: TokenizerFailure.self) {
        try NormalizationRules(Array(table[..<length]) + [1], source: "cut")
      }
    }
    for place in table.indices.dropFirst(4) {
      var damaged = table
      damaged[place] ^= 0xFF
      guard let rules = try? NormalizationRules(damaged, source: "damaged") else { continue }
      for start in text.indices {
        let found = rules.match(text.span, from: start, before: text.count)
        #expect(rules.replacement(at: found.place).count <= damaged.count)
      }
    }
  }

  private static func trained() throws -> [UInt8] {
    var trainer = SentencePieceTrainer(vocabularySize: 420)
    trainer.userDefined = ["<|tool|>"]
    return try trainer.train([Fixture.bytes("text.txt")])
  }

  @Test("a model that we train keeps any bytes", arguments: [UInt64(1), 2, 3])
  func keepsAnyBytes(seed: UInt64) throws {
    let tokenizer = try SentencePieceTokenizer(model: Self.trained(), source: "trained")
    #expect(tokenizer.isLossless)
    #expect(tokenizer.vocabularySize == 420)
    #expect(tokenizer.endOfText == 2)
    for count in [0, 1, 2, 3, 17, 5000] {
      let bytes = Fixture.noise(count: count, seed: seed + UInt64(count))
      #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
    }
    for text in ["  leading", "trailing  ", "a\n\n\tb\r\n", "\u{2581}sign", "12345", "\u{0}"] {
      #expect(tokenizer.text(of: tokenizer.encode(text)) == text)
    }
    #expect(tokenizer.encode("2024").filter { tokenizer.token($0) != [0x20] }.count == 4)
  }

  @Test("a model with a dummy prefix keeps any bytes too")
  func dummyPrefix() throws {
    let tokenizer = try Fixture.sentencePiece("llama")
    let bytes = Fixture.noise(count: 3000, seed: 8)
    #expect(tokenizer.isLossless)
    #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
  }

  @Test("control symbols are found only when asked for")
  func controlSymbols() throws {
    let tokenizer = try Fixture.sentencePiece("llama")
    #expect(!tokenizer.encode("<s>").contains(1))
    #expect(tokenizer.encode("<s>", specials: .asIds) == [1])
    #expect(tokenizer.token(1) == [])
    #expect(tokenizer.token(100_000) == nil)
  }

  @Test("does not depend on threads")
  func threads() throws {
    let tokenizer = try SentencePieceTokenizer(model: Self.trained(), source: "trained")
    let text = try Fixture.bytes("text.txt")
    let documents = [Array([[UInt8]](repeating: text, count: 600).joined()), [], text]
    #expect(
      tokenizer.encode(documents: documents, threads: 3) == documents.map { tokenizer.encode($0) })
  }

  @Test("says what is wrong with a request")
  func trainingFailures() throws {
    let text = try Fixture.bytes("text.txt")
    #expect(throws: TokenizerFailure.self) { try SentencePieceTrainer(vocabularySize: 200).train([text]) }
    #expect(throws: TokenizerFailure.self) { try SentencePieceTrainer(vocabularySize: 90_000).train([text]) }
    #expect(throws: TokenizerFailure.self) { try SentencePieceTrainer(vocabularySize: 400).train([]) }
    #expect(throws: TokenizerFailure.self) {
      try SentencePieceTrainer(vocabularySize: 400).train([[0xFF, 10]])
    }
  }
}
