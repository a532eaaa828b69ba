import JSON
import Testing

@testable import Tokenizers

@Suite("Normal form C")
struct NormalFormTests {
  private static func composed(_ text: [UInt8]) -> [UInt8] {
    NormalFormC.unicode.normalized(text.span, text.indices) ?? text
  }

  @Test("composes what Python composes")
  func equalsPython() throws {
    let texts = try #require(try Self.fixture()["texts"]?.elements)
    #expect(texts.count == 250)
    for pair in texts.compactMap(\.elements) {
      let (text, expected) = (pair[0].bytes ?? [], pair[1].bytes ?? [])
      #expect(Self.composed(text) == expected)
      #expect(Self.composed(expected) == expected)
    }
  }

  @Test("composes every character of Unicode 14 with marks behind it")
  func everyCharacter() throws {
    var hash = FowlerNollVo()
    for scalar in Fixture.assigned(0x20..<0x30000) {
      hash.add(String(decoding: Self.composed(Array("\(scalar)\u{301}\u{323} ".utf8)), as: UTF8.self))
    }
    #expect(hash.text == (try Self.fixture()["characters"]?.text))
  }

  @Test("bytes that are not UTF-8 stay where they are")
  func invalidBytes() {
    let accent: [UInt8] = [0xCC, 0x81]
    #expect(Self.composed([0x65] + accent) == [0xC3, 0xA9])
    #expect(Self.composed([0x65, 0xFF] + accent + [0x65] + accent) == [0x65, 0xFF] + accent + [0xC3, 0xA9])
    #expect(Self.composed([0xFF, 0xE2] + accent + [0x80]) == [0xFF, 0xE2] + accent + [0x80])
    for seed in UInt64(1)...20 {
      let noise = Fixture.noise(count: 300, seed: seed)
      #expect(Self.composed(Self.composed(noise)) == Self.composed(noise))
    }
  }

  @Test("a tokenizer that asks for it encodes composed text")
  func tokenizer() throws {
    let plain = String(decoding: try Fixture.bytes("gpt2.tokenizer.json"), as: UTF8.self)
    for normalizer in [#"{"type":"NFC"}"#, #"{"type":"Sequence","normalizers":[{"type":"NFC"}]}"#] {
      let asking = plain.replacing(#""normalizer":null"#, with: #""normalizer":\#(normalizer)"#)
      #expect(asking != plain)
      let tokenizer = try TokenizerFormat.load(["tokenizer.json": Array(asking.utf8)]).tokenizer
      let other = try Fixture.byteLevel("gpt2").tokenizer
      #expect(!tokenizer.isLossless)
      #expect(tokenizer.encode("cafe\u{301}") == other.encode("caf\u{E9}"))
      #expect(tokenizer.encode("cafe\u{301}") != other.encode("cafe\u{301}"))
      #expect(
        tokenizer.encode("e\u{301}<|endoftext|>e", specials: .asIds) == other.encode("\u{E9}") + [0]
          + other.encode("e"))
    }
  }

  private static func fixture() throws -> JSONValue {
    try JSONValue(Fixture.bytes("forms.json"), source: "forms.json")
  }
}
