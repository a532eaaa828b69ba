import JSON
import Testing

@testable import Tokenizers

@Suite("Tokenizer files")
struct TokenizerFormatTests {
  @Test("tells the formats apart by name")
  func names() {
    #expect(
      TokenizerFormat.files(among: ["model.safetensors", "merges.txt", "vocab.json"]) == [
        "vocab.json", "merges.txt",
      ])
    #expect(
      TokenizerFormat.files(among: ["tokenizer.model", "tokenizer.json", "tokenizer_config.json"])
        == ["tokenizer.json", "tokenizer_config.json"])
    #expect(TokenizerFormat.files(among: ["x.model", "config.json"]) == ["x.model"])
    #expect(TokenizerFormat.files(among: ["encoder.json", "vocab.bpe"]) == ["encoder.json", "vocab.bpe"])
    #expect(TokenizerFormat.files(among: ["r50k_base.tiktoken"]) == ["r50k_base.tiktoken"])
    #expect(TokenizerFormat.files(among: ["my.json"]) == ["my.json"])
    #expect(TokenizerFormat.files(among: ["config.json", "model.safetensors"]) == nil)
    #expect(
      TokenizerFormat.files(among: ["tokenizer_config.json", "vocab.txt", "config.json"])
        == ["vocab.txt", "tokenizer_config.json"])
    #expect(TokenizerFormat.files(among: ["bert-vocab.txt"]) == ["bert-vocab.txt"])
    #expect(TokenizerFormat.files(among: ["tok512.bin"]) == ["tok512.bin"])
    #expect(TokenizerFormat.files(among: ["tokenizer.bin", "config.json"]) == ["tokenizer.bin"])
    #expect(TokenizerFormat.files(among: ["pytorch_model.bin", "config.json"]) == nil)
  }

  @Test("vocab.json and merges.txt say the same as tokenizer.json")
  func vocabularyAndMerges() throws {
    let whole = try Fixture.byteLevel("gpt2")
    let model = try #require(
      JSONValue(Fixture.bytes("gpt2.tokenizer.json"), source: "test")["model"])
    var vocabulary: [UInt8] = [UInt8(ascii: "{")]
    for (number, member) in (model["vocab"]?.members ?? []).enumerated() {
      if number > 0 { vocabulary.append(UInt8(ascii: ",")) }
      JSONWriter.append(member.key.utf8, to: &vocabulary)
      vocabulary += Array(":\(member.value.integer ?? -1)".utf8)
    }
    vocabulary.append(UInt8(ascii: "}"))
    var merges = Array("#version: 0.2\r\n".utf8)
    for merge in model["merges"]?.elements ?? [] {
      merges += Array((merge.elements ?? []).compactMap(\.bytes).joined(separator: [0x20])) + [13, 10]
    }
    let files = try TokenizerFormat.load([
      "vocab.json": vocabulary, "merges.txt": merges, "README.md": [1],
      "tokenizer_config.json": Array(#"{"eos_token":{"content":"<|user|>"}}"#.utf8),
    ])
    #expect(files.format == .vocabularyAndMerges)
    #expect(Set(files.files.keys) == ["vocab.json", "merges.txt", "tokenizer_config.json"])
    #expect(files.files["merges.txt"] == merges)
    let text = try Fixture.bytes("text.txt")
    #expect(files.tokenizer.encode(text) == whole.tokenizer.encode(text))
    #expect((files.tokenizer.endOfText, files.tokenizer.opening) == (1, []))
    let opening = try TokenizerFormat.load([
      "vocab.json": vocabulary, "merges.txt": merges,
      "tokenizer_config.json": Array(#"{"add_bos_token":true,"bos_token":"<|user|>"}"#.utf8),
    ])
    #expect(opening.tokenizer.opening == [1])
  }

  @Test("the end of a document is what tokenizer_config.json names")
  func configuration() throws {
    let files = try TokenizerFormat.load([
      "tokenizer.json": Fixture.bytes("gpt2.tokenizer.json"),
      "tokenizer_config.json": Array(#"{"eos_token":"<|user|>"}"#.utf8),
    ])
    #expect(files.tokenizer.endOfText == 1)
  }

  @Test(
    "a cut or damaged file is an error, never a crash",
    arguments: ["gpt2.tokenizer.json", "bert.tokenizer.json", "llama.model", "unigram.model"])
  func damage(name: String) throws {
    let bytes = try Fixture.bytes(name)
    let file = name.hasSuffix(".json") ? "tokenizer.json" : "tokenizer.model"
    for cut in stride(from: 0, to: bytes.count - 2, by: 37) {
      #expect(throws: TokenizerFailure.self, "cut at \(cut)") {
        try TokenizerFormat.load([file: Array(bytes[..<cut])])
      }
    }
    let noise = Fixture.noise(count: 400, seed: 12)
    for (number, byte) in noise.enumerated() {
      var damaged = bytes
      damaged[(number * 7919) % bytes.count] = byte
      // Some damage changes only a token's text; whatever loads must still encode and decode.
      guard let files = try? TokenizerFormat.load([file: damaged]) else { continue }
      _ = files.tokenizer.decode(files.tokenizer.encode("The swift, 300 noches. 東京\n"))
    }
  }

  @Test(
    "names what it does not support",
    arguments: [
      (#"{"model":{"type":"Unigram"}}"#, "Unigram"),
      (#"{"model":{"type":"BPE","byte_fallback":true}}"#, "SentencePiece"),
      (#"{"normalizer":{"type":"Lowercase"},"model":{"type":"BPE"}}"#, "Lowercase"),
      (#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#, "ByteLevel"),
      (#"{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":{"a":0},"merges":[]}}"#, "byte"),
      (
        #"{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":{"a":9999999999},"merges":[]}}"#,
        "9999999999"
      ),
      (#"{"pre_tokenizer":{"type":"ByteLevel"},"model":{"vocab":{"a":0},"merges":["a b"]}}"#, "merge 0"),
      ("[1,2", "got the end at byte 4"), ("[\"\t\"]", "got byte 0x9 at byte 2"), ("{}", "model"),
      (#"{"a":01x}"#, "JSON"),
    ])
  func unsupported(json: String, named: String) {
    let failure = #expect(throws: TokenizerFailure.self) {
      try TokenizerFormat.load(["tokenizer.json": Array(json.utf8)])
    }
    #expect(failure?.description.contains(named) == true, "\(failure?.description ?? "")")
  }

  @Test("JSON strings come as bytes, escapes undone; of a key that stands twice the last counts")
  func strings() throws {
    let text = #"["\u00e9\ud83d\ude00\n\"\\\/", "\ud83dx", -1.5e2, 42, true, null, {"k":1,"k":2}]"#
    let value = try JSONValue(Array(text.utf8), source: "test")
    let elements = try #require(value.elements)
    #expect(elements[0].text == "é😀\n\"\\/")
    #expect(elements[1].text == "\u{FFFD}x")
    #expect(elements[2].integer == -150)
    #expect(elements[3].integer == 42)
    #expect(elements[6]["k"]?.integer == 2)
  }
}
