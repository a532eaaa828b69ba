import JSON
import Testing

@testable import Tokenizers

@Suite("WordPiece")
struct WordPieceTests {
  /// What a variant of the vectors asks of BERT's normaliser.
  private static func configuration(_ variant: JSONValue) -> String {
    let strips = variant["strip_accents"]?.bool.map { "\($0)" } ?? "null"
    return #"{"do_lower_case":\#(variant["do_lower_case"]?.bool ?? true),"strip_accents":\#(strips)}"#
  }

  private static func tokenizer(configuration: String = "{}") throws -> WordPieceTokenizer {
    let files = try TokenizerFormat.load([
      "vocab.txt": Fixture.bytes("bert.vocab.txt"), "tokenizer_config.json": Array(configuration.utf8),
    ])
    return try #require(files.tokenizer as? WordPieceTokenizer)
  }

  private static func fromJSON(_ text: [UInt8]) throws -> any Tokenizer {
    try TokenizerFormat.load(["tokenizer.json": text]).tokenizer
  }

  private static func expectVectors(_ variant: JSONValue, _ tokenizer: any Tokenizer) throws {
    let vectors = try #require(variant["vectors"]?.elements)
    #expect(vectors.count > 50)
    for vector in vectors {
      let ids = (vector["ids"]?.elements ?? []).compactMap(\.integer).map(Int32.init)
      #expect(tokenizer.encode(vector["text"]?.bytes ?? []) == ids, "\(vector["text"]?.text ?? "")")
      // The library keeps the sign of a text's first token; no text begins within a word.
      let begins = ids.first.flatMap { tokenizer.token($0)?.first } ?? 0x20
      if begins == 0x20 { #expect(tokenizer.text(of: ids) == vector["decoded"]?.text) }
    }
  }

  @Test("gives the ids and the text that Hugging Face gives, cased or not, from vocab.txt", arguments: 0..<4)
  func idsEqualHuggingFace(number: Int) throws {
    let variant = try Fixture.json("bert.vectors.json")[number]
    try Self.expectVectors(variant, Self.tokenizer(configuration: Self.configuration(variant)))
  }

  @Test("tokenizer.json says the same as vocab.txt")
  func tokenizerJSON() throws {
    let tokenizer = try Self.fromJSON(Fixture.bytes("bert.tokenizer.json"))
    try Self.expectVectors(try #require(Fixture.json("bert.vectors.json").first), tokenizer)
    let other = try Self.tokenizer()
    #expect(tokenizer.specialTokens == other.specialTokens)
    #expect(tokenizer.vocabularySize == other.vocabularySize)
    #expect((0..<Int32(600)).allSatisfy { tokenizer.token($0) == other.token($0) })
  }

  @Test("makes of every character of Unicode 14 what Hugging Face makes", arguments: 0..<4)
  func everyCharacter(number: Int) throws {
    let variant = try Fixture.json("bert.vectors.json")[number]
    let words = try BertWords(Self.tokenizer(configuration: Self.configuration(variant)).normalization)
    let blocks = try #require(variant["characters"]?.members)
    #expect(blocks.count > 40)
    for member in blocks {
      let block = try #require(UInt32(member.key))
      var found = FowlerNollVo()
      for scalar in Fixture.assigned(block << 12..<(block + 1) << 12) {
        found.add(words.list("a\(scalar)b").joined(separator: " ") + "\n")
      }
      #expect(found.text == member.value.text, "block \(block)")
    }
  }

  @Test("knows BERT's special tokens by name, and reads them only when asked to")
  func specialTokens() throws {
    let tokenizer = try Self.tokenizer()
    let names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    #expect(tokenizer.specialTokens == names.enumerated().map { SpecialToken($1, Int32($0)) })
    #expect(names.compactMap(tokenizer.id(ofSpecial:)) == [0, 1, 2, 3, 4])
    #expect(tokenizer.id(ofSpecial: "the") == nil)
    #expect(!tokenizer.encode("a [MASK] b").contains(4))
    #expect(tokenizer.encode("[CLS]the[SEP]", specials: .asIds) == [2] + tokenizer.encode("the") + [3])
    #expect(tokenizer.endOfText == nil)
    #expect(tokenizer.opening == [])
  }

  @Test("bytes that are not UTF-8 are left out, and part no word")
  func invalidBytes() throws {
    let tokenizer = try Self.tokenizer()
    let word = Array("the swift".utf8)
    for (place, byte) in [(1, UInt8(0xFF)), (2, 0x80), (9, 0xC3), (0, 0xBF)] {
      var damaged = word
      damaged.insert(byte, at: place)
      #expect(tokenizer.encode(damaged) == tokenizer.encode(word))
    }
    for seed in UInt64(1)...20 {
      let noise = Fixture.noise(count: 500, seed: seed)
      #expect(tokenizer.encode(noise) == tokenizer.encode(String(decoding: noise, as: UTF8.self)))
    }
  }

  @Test("does not depend on threads")
  func threads() throws {
    let tokenizer = try Self.tokenizer()
    let text = try Fixture.bytes("text.txt") + Fixture.noise(count: 300, seed: 3)
    let long = Array([[UInt8]](repeating: text, count: 400).joined())
    #expect(
      tokenizer.encode(documents: [long, [], text], threads: 3)
        == [long, [], text].map { tokenizer.encode($0) })
  }

  @Test("a vocabulary's lines are its ids, whatever ends them")
  func lines() throws {
    let tokenizer = try TokenizerFormat.load(["my-vocab.txt": Array("[UNK]\r\nthe\r\n\r\n##se\r\nthe".utf8)])
    #expect(tokenizer.format == .wordPiece)
    #expect(Set(tokenizer.files.keys) == ["vocab.txt"])
    // The last of equal lines is what text gives, as in Hugging Face.
    #expect(tokenizer.tokenizer.encode("These, the") == [4, 3, 0, 4])
    #expect(tokenizer.tokenizer.vocabularySize == 5)
  }

  @Test("files beside vocab.txt may name BERT's special tokens, and no others")
  func addedTokens() throws {
    func load(_ name: String, _ text: String) throws -> any Tokenizer {
      try TokenizerFormat.load(["vocab.txt": Fixture.bytes("bert.vocab.txt"), name: Array(text.utf8)])
        .tokenizer
    }
    let known = #"{"added_tokens_decoder":{"4":{"content":"[MASK]","special":true}}}"#
    let plain = try Self.tokenizer()
    #expect(
      try load("tokenizer_config.json", known).encode("the [NEW] swift") == plain.encode("the [NEW] swift"))
    #expect(try load("added_tokens.json", #"{"[CLS]":2}"#).specialTokens == plain.specialTokens)
    for (name, text) in [
      ("tokenizer_config.json", #"{"added_tokens_decoder":{"450":{"content":"[NEW]","special":false}}}"#),
      (
        "tokenizer_config.json",
        #"{"added_tokens_decoder":{"4":{"content":"[MASK]"},"450":{"content":"[NEW]"}}}"#
      ),
      ("added_tokens.json", #"{"[CLS]":2,"[NEW]":450}"#),
    ] {
      let failure = #expect(throws: TokenizerFailure.self) { try load(name, text) }
      #expect(failure?.description.contains("[NEW]") == true, "\(failure?.description ?? "")")
    }
    #expect(
      TokenizerFormat.files(among: ["vocab.txt", "added_tokens.json", "tokenizer_config.json"])
        == ["vocab.txt", "added_tokens.json", "tokenizer_config.json"])
  }

  @Test(
    "says what is wrong with a file",
    arguments: [
      (#"{"model":{"type":"WordPiece"}}"#, "BertNormalizer"),
      (#"{"normalizer":{"type":"BertNormalizer"},"model":{"type":"WordPiece"}}"#, "BertPreTokenizer"),
      (whole(#""vocab":[]"#), "vocab"), (whole(#""vocab":{"a":0}"#), "[UNK]"),
      (whole(#""vocab":{"[UNK]":"0"}"#), "a string"), (whole(#""vocab":{"[UNK]":0,"a":0}"#), "two tokens"),
      (whole(#""vocab":{"[UNK]":0,"a":1e300}"#), "a number"), (whole(#""vocab":{"[UNK]":-1}"#), "-1"),
      (whole(#""vocab":{"[UNK]":99999999999}"#), "99999999999"),
      (whole(#""vocab":{"[UNK]":0},"max_input_chars_per_word":-5"#), "-5"),
      (whole(#""vocab":{"[UNK]":0},"max_input_chars_per_word":1.5"#), "max_input_chars_per_word"),
    ])
  func failures(json: String, named: String) {
    let failure = #expect(throws: TokenizerFailure.self) { try Self.fromJSON(Array(json.utf8)) }
    #expect(failure?.description.contains(named) == true, "\(failure?.description ?? "")")
  }

  private static func whole(_ vocabulary: String) -> String {
    #"{"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},"#
      + #""model":{"type":"WordPiece",\#(vocabulary)}}"#
  }
}

extension WordPieceTokenizer {
  fileprivate var normalization: BertCharacters.Options { parts.normalization }
}

extension BertWords {
  fileprivate func list(_ text: String) -> [String] {
    var found: [String] = []
    var word: [UInt8] = []
    var scalars: [UInt32] = []
    let bytes = Array(text.utf8)
    forEach(bytes.span, in: bytes.indices, word: &word, scalars: &scalars) { word in
      found.append(String(decoding: word.indices.map { word[$0] }, as: UTF8.self))
    }
    return found
  }
}
