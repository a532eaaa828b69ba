import Foundation
import Layers
import Models
import Tensors
import Tokenizers

@testable import Evaluation

/// What `Fixtures/make_fixtures.py` computed.
struct Golden: Decodable {
  struct Windows: Decodable {
    let count: Int
    let length: Int
    let stride: Int?
    /// First token, inputs, scored tokens.
    let windows: [[Int]]
  }

  let detokenized: [[String]]
  let words: [Count]
  let originals: [Count]
  let pages: [Pages]
  let sliding: [Windows]
  let rolling: [Windows]

  struct Count: Decodable {
    let text: String
    let count: Int
    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      text = try list.decode(String.self)
      count = try list.decode(Int.self)
    }
  }

  struct Pages: Decodable {
    let text: String
    let pages: [String]
    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      text = try list.decode(String.self)
      pages = try list.decode([String].self)
    }
  }

  static func load() throws -> Golden {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/golden.json")
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
  }
}

/// Bytes as tokens, and one that begins and ends texts.
struct ByteTokenizer: Tokenizer {
  static let end: Int32 = 256
  var hasEnd = true
  var opening: [Int32] = []

  var summary: String { "bytes" }
  var vocabularySize: Int { 257 }
  var isLossless: Bool { true }
  var endOfText: Int32? { hasEnd ? Self.end : nil }
  var beginningOfText: Int32? { nil }
  var specialTokens: [SpecialToken] { [] }

  func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    for index in text.indices { ids.append(Int32(text[index])) }
  }
  func decode(_ ids: [Int32]) -> [UInt8] { ids.compactMap { UInt8(exactly: $0) } }
  func token(_ id: Int32) -> [UInt8]? { UInt8(exactly: id).map { [$0] } }
  func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? { nil }
}

func bytes(_ text: String) -> [Int32] { text.utf8.map(Int32.init) }

func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }

/// Files that are gone when the test is.
final class TemporaryFolder {
  private let path: URL
  private var count = 0

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "evaluation-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: path) }

  /// Writes `contents` and says where.
  func file(_ contents: String, name: String = "data.jsonl") throws -> String {
    count += 1
    let file = path.appending(path: "\(count)-\(name)")
    try Data(contents.utf8).write(to: file)
    return file.path
  }

  /// A JSON object a line.
  func lines(_ texts: [String], key: String = "text") throws -> String {
    let encoder = JSONEncoder()
    return try file(
      texts.map { String(decoding: try encoder.encode([key: $0]), as: UTF8.self) }.joined(separator: "\n"))
  }
}

/// Small decoders, far from uniform, so that what a token sees changes its loss.
enum TinyModel {
  static let context = 12
  static let vocabulary = 19

  static func config(_ norm: NormKind = .layerNorm) -> Transformer.Config {
    var config = Transformer.Config()
    config.layers = 4
    config.width = 16
    config.heads = 4
    config.vocabulary = vocabulary
    config.context = context
    config.initialDeviation = 0.3
    if norm == .layerNorm1P {
      config.norm = norm
      config.keyValueHeads = 2
      config.positions = .rotary
      config.tiedEmbeddings = false
    }
    return config
  }

  static func make(
    _ config: Transformer.Config = config(), part: TransformerPart? = nil, seed: UInt64 = 3
  ) -> Transformer {
    let model = Transformer(config, part: part, isTrained: false, on: Device(threads: 1))
    model.store.initialize(seed: seed)
    return model
  }

  static func ids(_ count: Int) -> [Int32] { (0..<count).map { Int32(($0 * $0 + 5 * $0) % vocabulary) } }

  /// Windows of all lengths that the context allows, in no order, each with another number of scored tokens.
  static var windows: [Window] {
    (0..<40).map { index in
      let length = 2 + (index * 7) % context, text = ids(60)
      return Window(text[index % 20..<index % 20 + length], scored: 1 + index % (length - 1))
    }
  }
}
