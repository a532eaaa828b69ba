import Tokenizers

/// How tokens are written where single tokens are named.
struct TokenNames: Sendable {
  private let tokenizer: any Tokenizer
  private let specials: [Int32: [UInt8]]

  init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
    specials = Dictionary(tokenizer.specialTokens.map { ($0.id, $0.text) }) { $1 }
  }

  func bytes(_ id: Int32) -> [UInt8] { specials[id] ?? tokenizer.token(id) ?? [] }

  /// The token's text; of bytes that are not whole characters `bytes:\xNN…`, as OpenAI writes them.
  func name(_ id: Int32) -> String { Self.name(bytes(id)) }

  static func name(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return "bytes:"
      + bytes.map { byte in "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }
}
