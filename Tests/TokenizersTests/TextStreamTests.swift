import Testing

@testable import Tokenizers

@Suite("Text stream")
struct TextStreamTests {
  @Test("gives whole characters, and all of them", arguments: ["é😀東京 and more", "\u{301}x🏳️‍🌈", ""])
  func wholeCharacters(text: String) throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257).train([]).tokenizer
    var stream = TextStream(tokenizer)
    var parts = tokenizer.encode(text).map { stream.append($0) }
    #expect(!parts.joined().unicodeScalars.contains("\u{FFFD}"))
    parts.append(stream.finish())
    #expect(parts.joined() == text)
    #expect(parts.last == "")
  }

  @Test("gives what cannot become a character as U+FFFD", arguments: [UInt64(1), 2, 3, 4])
  func damage(seed: UInt64) throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257).train([]).tokenizer
    let bytes = Fixture.noise(count: 2000, seed: seed)
    var stream = TextStream(tokenizer)
    let text = tokenizer.encode(bytes).map { stream.append($0) }.joined() + stream.finish()
    #expect(text == String(decoding: bytes, as: UTF8.self))
  }

  @Test("ids that name no token add nothing")
  func unknownIds() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257).train([]).tokenizer
    var stream = TextStream(tokenizer)
    #expect(stream.append(-1) + stream.append(99_999) + stream.finish() == "")
    #expect(tokenizer.decode([-1, 257, .max]) == [])
  }
}
