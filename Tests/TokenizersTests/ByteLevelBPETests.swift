import Testing

@testable import Tokenizers

@Suite("Byte-level BPE")
struct ByteLevelBPETests {
  @Test("gives the ids that Hugging Face gives", arguments: ["gpt2", "o200k"])
  func idsEqualHuggingFace(name: String) throws {
    let tokenizer = try Fixture.byteLevel(name).tokenizer
    for vector in try Fixture.vectors(name) {
      #expect(tokenizer.encode(vector.text) == vector.ids)
      #expect(tokenizer.decode(vector.ids) == vector.text)
    }
  }

  @Test("keeps any bytes", arguments: ["gpt2", "o200k"], [UInt64(1), 2, 3])
  func keepsAnyBytes(name: String, seed: UInt64) throws {
    let tokenizer = try Fixture.byteLevel(name).tokenizer
    #expect(tokenizer.isLossless)
    for count in [0, 1, 2, 3, 17, 5000] {
      let bytes = Fixture.noise(count: count, seed: seed + UInt64(count))
      #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
    }
    for byte in UInt8.min...UInt8.max { #expect(tokenizer.decode(tokenizer.encode([byte])) == [byte]) }
  }

  @Test("reads special tokens only when asked to")
  func specialTokens() throws {
    let tokenizer = try Fixture.byteLevel("gpt2").tokenizer
    let text = "a<|endoftext|>b<|user|>"
    #expect(tokenizer.endOfText == 0)
    #expect(tokenizer.specialTokens == [SpecialToken("<|endoftext|>", 0), SpecialToken("<|user|>", 1)])
    #expect(!tokenizer.encode(text).contains { $0 < 2 })
    let ids = tokenizer.encode(text, specials: .asIds)
    #expect(ids == tokenizer.encode("a") + [0] + tokenizer.encode("b") + [1])
    #expect(tokenizer.text(of: ids) == text)
    #expect(tokenizer.text(of: tokenizer.encode(text)) == text)
  }

  @Test("merges a long piece as it merges short ones, and in time")
  func longPieces() throws {
    let tokenizer = try Fixture.byteLevel("gpt2").tokenizer
    for count in [40, 47, 48, 49, 1000] {
      let letters = Fixture.noise(count: count, seed: 9).map { UInt8(ascii: "a") + $0 % 5 }
      #expect(tokenizer.encode(letters) == Self.slowMerges(letters, tokenizer))
    }
    let million = Fixture.noise(count: 1 << 20, seed: 5).map { UInt8(ascii: "a") + $0 % 26 }
    #expect(tokenizer.decode(tokenizer.encode(million)) == million)
  }

  /// The rule as the paper states it, without any data structure.
  private static func slowMerges(_ bytes: [UInt8], _ tokenizer: any Tokenizer) -> [Int32] {
    guard let tokenizer = tokenizer as? ByteLevelBPE else { return [] }
    var ids = bytes.map { tokenizer.byteIds[Int($0)] }
    while ids.count > 1 {
      let merges = (1..<ids.count).map { tokenizer.merges.merge(ids[$0 - 1], ids[$0]) }
      guard let best = merges.min(), best != MergeTable.none, let at = merges.firstIndex(of: best) else {
        break
      }
      ids.replaceSubrange(at...at + 1, with: [MergeTable.id(best)])
    }
    return ids
  }

  @Test("does not depend on threads")
  func threads() throws {
    let tokenizer = try Fixture.byteLevel("o200k").tokenizer
    let text = try Fixture.bytes("text.txt")
    let documents =
      (0..<300).map { Array(text[($0 % 50)...]) } + [
        [], Array([[UInt8]](repeating: text, count: 600).joined()),
      ]
    let one = tokenizer.encode(documents: documents, threads: 1)
    #expect(one.count == documents.count)
    #expect(tokenizer.encode(documents: documents, threads: 3) == one)
    #expect(documents.map { tokenizer.encode($0) } == one)
  }

  @Test("a rank file without merges gives the ids of the merges it was made from")
  func ranks() throws {
    let text = try Fixture.bytes("text.txt")
    var trainer = BytePairTrainer(vocabularySize: 400)
    trainer.specialTokens = []
    let files = try trainer.train([text], pattern: .cl100k(digits: 3, keepsTrailingSpace: true))
    let size = files.tokenizer.vocabularySize
    var lines: [UInt8] = []
    for id in Int32(0)..<Int32(size) {
      let token = files.tokenizer.token(id) ?? []
      lines += Array((Foundation64.encode(token) + " \(id)\n").utf8)
    }
    let encoding = TiktokenRanks.Encoding(
      name: "test", ranks: size, pattern: .cl100k(digits: 3, keepsTrailingSpace: true),
      special: [("<|end|>", Int32(size))], end: "<|end|>")
    let ranks = try TiktokenRanks(source: "test.tiktoken").load(lines, known: [encoding])
    #expect(ranks.encode(text) == files.tokenizer.encode(text))
    #expect(ranks.endOfText == Int32(size))
    #expect(ranks.vocabularySize == size + 1)
    #expect(throws: TokenizerFailure.self) { try TokenizerFormat.load(["test.tiktoken": lines]) }
  }

  @Test("a vocabulary of single bytes is a tokenizer of characters")
  func bytesOnly() throws {
    let files = try BytePairTrainer(vocabularySize: 257).train([Array("any text".utf8)])
    #expect(files.tokenizer.vocabularySize == 257)
    #expect(files.tokenizer.encode("abc").count == 3)
    #expect(files.tokenizer.encode("é").count == 2)
  }
}
