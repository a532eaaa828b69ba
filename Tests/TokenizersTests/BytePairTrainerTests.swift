import JSON
import Testing

@testable import Tokenizers

@Suite("BPE training")
struct BytePairTrainerTests {
  private static func model(_ files: TokenizerFiles) throws -> JSONValue {
    let json = try JSONValue(files.files["tokenizer.json"] ?? [], source: "test")
    return try #require(json["model"])
  }

  @Test(
    "finds the vocabulary and the merges that Hugging Face finds", arguments: [("gpt2", 420), ("o200k", 400)])
  func equalsHuggingFace(name: String, size: Int) throws {
    var trainer = BytePairTrainer(vocabularySize: size)
    trainer.specialTokens = ["<|endoftext|>", "<|user|>"]
    trainer.minimumFrequency = 0
    let pattern = try #require(Pretokenizer.Pattern(named: name))
    let ours = try Self.model(trainer.train([Fixture.bytes("text.txt")], pattern: pattern))
    let theirs = try Self.model(Fixture.byteLevel(name))
    let ids = { (model: JSONValue) in
      Dictionary(
        uniqueKeysWithValues: (model["vocab"]?.members ?? []).map { (Array($0.key.utf8), $0.value.integer) })
    }
    let merges = { (model: JSONValue) in
      (model["merges"]?.elements ?? []).map { ($0.elements ?? []).compactMap(\.bytes) }
    }
    #expect(ids(ours) == ids(theirs))
    #expect(merges(ours) == merges(theirs))
    #expect(merges(ours).count == size - 258)
  }

  @Test("does not depend on threads or batches")
  func threads() throws {
    let text = try Fixture.bytes("text.txt")
    let lines = text.split(separator: 10).map(Array.init)
    let trainer = BytePairTrainer(vocabularySize: 350)
    let one = try trainer.train(lines)
    let batches = WordCounter(Pretokenizer(.gpt2), threads: 3)
    batches.add(Array(lines[..<5]))
    batches.add(Array(lines[5...]))
    #expect(try trainer.train(batches).files == one.files)
  }

  @Test("reports its progress to the end")
  func progress() throws {
    var last: BytePairTrainer.Progress?
    _ = try BytePairTrainer(vocabularySize: 300).train([Fixture.bytes("text.txt")]) { last = $0 }
    #expect(last?.merges == 43)
    #expect(last?.expected == 43)
  }

  @Test("text never spells a special token")
  func specialTokensAreNotLearned() throws {
    var trainer = BytePairTrainer(vocabularySize: 300)
    trainer.specialTokens = ["swift"]
    let text = [[UInt8]](repeating: Array("swift swift swiftly ".utf8), count: 20)
    let tokenizer = try trainer.train(text).tokenizer
    #expect(!tokenizer.encode("swift").contains(0))
    #expect(tokenizer.text(of: tokenizer.encode("swift")) == "swift")
    #expect(tokenizer.encode("swift", specials: .asIds) == [0])
  }

  @Test("says what is wrong with a request")
  func failures() throws {
    #expect(throws: TokenizerFailure.self) { try BytePairTrainer(vocabularySize: 256).train([[97]]) }
    #expect(throws: TokenizerFailure.self) { try BytePairTrainer(vocabularySize: 300).train([]) }
    var twice = BytePairTrainer(vocabularySize: 300)
    twice.specialTokens = ["<a>", "<a>"]
    #expect(throws: TokenizerFailure.self) { try twice.train([[97]]) }
  }
}
