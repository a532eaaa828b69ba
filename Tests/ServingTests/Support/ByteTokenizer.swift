import Tokenizers

/// A tokenizer whose tokens are bytes, and five special ones.
struct ByteTokenizer: Tokenizer {
  static let start: Int32 = 256
  static let end: Int32 = 257
  static let user: Int32 = 258
  static let assistant: Int32 = 259
  /// Begins with another.
  static let long: Int32 = 260

  var opensTexts = false

  let summary = "bytes"
  let vocabularySize = 261
  let isLossless = true
  let endOfText: Int32? = ByteTokenizer.end
  let beginningOfText: Int32? = ByteTokenizer.start
  var opening: [Int32] { opensTexts ? [Self.start] : [] }
  let specialTokens = [
    SpecialToken("<s>", start), SpecialToken("<|end|>", end), SpecialToken("<|user|>", user),
    SpecialToken("<|assistant|>", assistant), SpecialToken("<|end|>!", long),
  ]

  func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32]) {
    var index = 0
    while index < text.count {
      let found = specialTokens.filter { special in
        specials == .asIds && index + special.text.count <= text.count
          && special.text.indices.allSatisfy { text[index + $0] == special.text[$0] }
      }.max { $0.text.count < $1.text.count }
      if let found {
        ids.append(found.id)
        index += found.text.count
      } else {
        ids.append(Int32(text[index]))
        index += 1
      }
    }
  }

  func decode(_ ids: [Int32]) -> [UInt8] { ids.flatMap { token($0) ?? [] } }

  func token(_ id: Int32) -> [UInt8]? {
    if (0..<256).contains(id) { return [UInt8(id)] }
    return specialTokens.first { $0.id == id }?.text
  }

  func safeCut(in text: Span<UInt8>, before offset: Int) -> Int? { offset }
}
