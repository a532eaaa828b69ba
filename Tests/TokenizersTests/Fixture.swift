import Foundation
import JSON

@testable import Tokenizers

/// The files that Fixtures/make_fixtures.py made.
enum Fixture {
  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return Array(try Data(contentsOf: folder.appendingPathComponent("Fixtures/\(name)")))
  }

  static func json(_ name: String) throws -> [JSONValue] {
    try JSONValue(bytes(name), source: name).elements ?? []
  }

  /// Texts, their ids and, where there is one, the text decoded from them.
  static func vectors(_ name: String) throws -> [(text: [UInt8], ids: [Int32], decoded: [UInt8]?)] {
    try json(name + ".vectors.json").map { vector in
      (
        vector["text"]?.bytes ?? [], (vector["ids"]?.elements ?? []).map { Int32($0.integer ?? -1) },
        vector["decoded"]?.bytes
      )
    }
  }

  static func byteLevel(_ name: String) throws -> TokenizerFiles {
    try TokenizerFormat.load(["tokenizer.json": bytes(name + ".tokenizer.json")])
  }

  static func sentencePiece(_ name: String) throws -> SentencePieceTokenizer {
    try SentencePieceTokenizer(model: bytes(name + ".model"), source: name)
  }

  /// Bytes from a fixed seed: some whole random, some UTF-8 with damage.
  static func noise(count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    func draw(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    let parts = Array(" the swift, 東京 é\u{2581}\u{0}\n\t0123<s>".utf8)
    return (0..<count).map { _ in draw(3) == 0 ? UInt8(draw(256)) : parts[draw(parts.count)] }
  }
}
