import Foundation
import JSON
import Testing

@testable import Tokenizers

/// Ids that others have published for whole texts; runs where `NEEDLETAIL_TOKENIZER_DATA` names the folder
/// that holds gpt2_openai and vectors, with the gzip files in it unpacked beside themselves.
@Suite(
  "Published vectors", .enabled(if: ProcessInfo.processInfo.environment["NEEDLETAIL_TOKENIZER_DATA"] != nil))
struct PublishedVectorsTests {
  private static func bytes(_ path: String) throws -> [UInt8] {
    let root = ProcessInfo.processInfo.environment["NEEDLETAIL_TOKENIZER_DATA"] ?? ""
    return Array(try Data(contentsOf: URL(fileURLWithPath: root).appendingPathComponent(path)))
  }

  private static func integers(_ json: JSONValue?) -> [Int32] {
    (json?.elements ?? []).compactMap(\.integer).map(Int32.init)
  }

  private static func ranks(_ name: String) throws -> any Tokenizer {
    let file = name + ".tiktoken"
    return try TokenizerFormat.load([file: bytes("gpt2_openai/" + file)]).tokenizer
  }

  private static func gpt2() throws -> any Tokenizer {
    try TokenizerFormat.load([
      "encoder.json": bytes("gpt2_openai/encoder.json"), "vocab.bpe": bytes("gpt2_openai/vocab.bpe"),
    ]).tokenizer
  }

  @Test("Microsoft's ids of a source file")
  func sourceFile() throws {
    let text = try Self.bytes("vectors/lib.rs.txt")
    for (file, tokenizer) in [
      ("tokens_gpt2.json", try Self.gpt2()), ("tokens_r50k_base.json", try Self.ranks("r50k_base")),
      ("tokens_gpt_3.5_turbo.json", try Self.ranks("cl100k_base")),
    ] {
      let ids = Self.integers(try JSONValue(Self.bytes("vectors/" + file), source: file))
      #expect(!ids.isEmpty)
      #expect(tokenizer.encode(text) == ids, "\(file)")
    }
  }

  @Test("GPT-2's small cases and a French article")
  func smallCases() throws {
    let tokenizer = try Self.gpt2()
    #expect(tokenizer.vocabularySize == 50257)
    #expect(tokenizer.endOfText == 50256)
    let cases = try JSONValue(Self.bytes("vectors/gpt2_small_cases.json"), source: "cases").elements
    for entry in try #require(cases) {
      #expect(tokenizer.encode(entry["text"]?.bytes ?? []) == Self.integers(entry["ids"]))
    }
    let article = try JSONValue(Self.bytes("vectors/gpt2_encoded_tokens.json"), source: "article")
    let ids = Self.integers(article["token_ids"])
    #expect(!ids.isEmpty)
    #expect(tokenizer.encode(article["text"]?.bytes ?? []) == ids)
  }
}
