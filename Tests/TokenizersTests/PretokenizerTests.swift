import Testing

@testable import Tokenizers

@Suite("Pre-tokenizer")
struct PretokenizerTests {
  private static let patterns: [String: Pretokenizer.Pattern] = [
    "gpt2": .gpt2, "cl100k": .cl100k(digits: 3, keepsTrailingSpace: false),
    "openai": .cl100k(digits: 3, keepsTrailingSpace: true), "o200k": .o200k,
  ]

  static func pieces(_ text: [UInt8], _ pretokenizer: Pretokenizer) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    pretokenizer.forEachPiece(text.span, in: 0..<text.count) { pieces.append(Array(text[$0..<$1])) }
    return pieces
  }

  @Test("cuts where the regular expressions cut")
  func piecesEqualRegularExpressions() throws {
    var compared = 0
    for entry in try Fixture.json("patterns.json") {
      let pattern = try #require(Self.patterns[entry["pattern"]?.text ?? ""])
      for list in entry["pieces"]?.elements ?? [] {
        let pieces = (list.elements ?? []).compactMap(\.bytes)
        #expect(Self.pieces(Array(pieces.joined()), Pretokenizer(pattern)) == pieces, "\(pattern)")
        compared += 1
      }
    }
    #expect(compared == 600)
  }

  @Test("pieces of any bytes add up to the bytes", arguments: ["gpt2", "cl100k", "openai", "o200k"])
  func piecesAddUp(name: String) throws {
    let pretokenizer = Pretokenizer(try #require(Self.patterns[name]))
    let bytes = Fixture.noise(count: 20_000, seed: 4)
    let pieces = Self.pieces(bytes, pretokenizer)
    #expect(Array(pieces.joined()) == bytes)
    #expect(!pieces.contains([]))
  }

  @Test("a safe cut changes no piece", arguments: ["gpt2", "cl100k", "openai", "o200k"])
  func safeCuts(name: String) throws {
    let pretokenizer = Pretokenizer(try #require(Self.patterns[name]))
    let text = try Fixture.bytes("text.txt") + Fixture.noise(count: 20_000, seed: 6)
    let whole = Self.pieces(text, pretokenizer)
    for offset in stride(from: 1, to: text.count, by: 53) {
      guard let cut = pretokenizer.safeCut(in: text.span, before: offset) else { continue }
      let parts =
        Self.pieces(Array(text[..<cut]), pretokenizer) + Self.pieces(Array(text[cut...]), pretokenizer)
      #expect(parts == whole)
    }
  }

  @Test("digits can stand alone")
  func isolatedDigits() {
    let pieces = Self.pieces(Array("a 12b  3".utf8), Pretokenizer(.gpt2, isolatesDigits: true))
    #expect(pieces.map { String(decoding: $0, as: UTF8.self) } == ["a", " ", "1", "2", "b", "  ", "3"])
  }
}
