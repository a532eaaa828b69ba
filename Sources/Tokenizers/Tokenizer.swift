/// Turns bytes into token ids and back.
///
/// Encoding never fails, and where `isLossless` says so it loses nothing. Every method may be called from
/// many threads at once.
package protocol Tokenizer: Sendable {
  /// One line for people: kind, vocabulary, pattern.
  var summary: String { get }

  /// One more than the largest id: the rows a model's embedding needs.
  var vocabularySize: Int { get }

  /// Whether `decode(encode(bytes)) == bytes` for any bytes, valid UTF-8 or not.
  var isLossless: Bool { get }

  /// The id that ends a document, where the vocabulary has one.
  var endOfText: Int32? { get }

  /// The id that starts a document, where the vocabulary has one.
  var beginningOfText: Int32? { get }

  /// The ids that the tokenizer's files ask to put in front of every text that a model reads.
  var opening: [Int32] { get }

  /// The tokens that text reaches only when asked for, in the order of their ids.
  var specialTokens: [SpecialToken] { get }

  /// Appends the ids of `text` to `ids`.
  func encode(_ text: Span<UInt8>, specials: SpecialTokenReading, into ids: inout [Int32])

  /// The bytes that `ids` stand for; an id that names no token adds nothing.
  func decode(_ ids: [Int32]) -> [UInt8]

  /// The bytes `id` adds to a text that already has a beginning; nil where no token has this id.
  func token(_ id: Int32) -> [UInt8]?

  /// The last offset at or before `offset` where `text` can be cut without changing its ids, or nil.
  func safeCut(in text: Span<UInt8>, before offset: Int) -> Int?
}

/// A token that steers a model rather than spells text.
package struct SpecialToken: Sendable, Equatable {
  package let text: [UInt8]
  package let id: Int32

  package init(_ text: String, _ id: Int32) {
    self.text = Array(text.utf8)
    self.id = id
  }

  init(bytes: [UInt8], id: Int32) {
    self.text = bytes
    self.id = id
  }

  package var name: String { String(decoding: text, as: UTF8.self) }
}

/// What `<|endoftext|>` in a text means.
package enum SpecialTokenReading: Sendable {
  /// Ordinary characters: right for data that anybody may have written.
  case asText
  /// The special token's id: right for templates that we wrote.
  case asIds
}

extension Tokenizer {
  package var opening: [Int32] { [] }

  /// The id of the special token of this name, such as `[CLS]`; nil where there is none.
  package func id(ofSpecial name: String) -> Int32? {
    specialTokens.first { $0.text == Array(name.utf8) }?.id
  }

  package func encode(_ bytes: [UInt8], specials: SpecialTokenReading = .asText) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(bytes.count / 3)
    encode(bytes.span, specials: specials, into: &ids)
    return ids
  }

  package func encode(_ text: String, specials: SpecialTokenReading = .asText) -> [Int32] {
    encode(Array(text.utf8), specials: specials)
  }

  /// The text of `ids`, with U+FFFD where their bytes are not UTF-8.
  package func text(of ids: [Int32]) -> String { String(decoding: decode(ids), as: UTF8.self) }
}
