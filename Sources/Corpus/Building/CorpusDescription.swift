import Files
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a dataset was made, kept as `<prefix>.json` beside it, so that training can tell a dataset of
/// another tokenizer from its own. Megatron's datasets have none, which is fine.
package struct CorpusDescription: Codable, Sendable, Equatable {
  package var tokenizer: TokenizerIdentity
  /// Whether every document ends with the tokenizer's end-of-text token.
  package var appendsEndOfText: Bool
  /// Input files.
  package var sources: Int
  package var documents: Int
  package var tokens: Int
  /// UTF-8 bytes of the text that was encoded.
  package var textBytes: Int
  /// What a sequence is; nil in descriptions older than sentences: a document.
  package var level: Level?
  /// Sequences, where they are sentences.
  package var sentences: Int?

  package enum Level: String, Codable, Sendable {
    case document, sentence
  }

  /// What tells one tokenizer from another.
  package struct TokenizerIdentity: Codable, Sendable, Equatable {
    package var name: String
    package var vocabularySize: Int
    package var endOfText: Int32?
    /// CRC-32 of the tokenizer's file, eight hexadecimal digits.
    package var checksum: String?

    package init(name: String, vocabularySize: Int, endOfText: Int32?, checksum: String?) {
      self.name = name
      self.vocabularySize = vocabularySize
      self.endOfText = endOfText
      self.checksum = checksum
    }
  }

  package static func path(prefix: String) -> String { "\(prefix).json" }

  /// Reads the description of the dataset `prefix`; nil when there is none.
  package static func read(prefix: String) throws -> CorpusDescription? {
    let path = path(prefix: prefix)
    guard access(path, F_OK) == 0 else { return nil }
    let file = try MappedFile(path)
    do {
      return try JSONDecoder().decode(CorpusDescription.self, from: Data(file.contents))
    } catch {
      throw CorpusFailure(path, "not a description of a dataset; build the dataset again or delete the file")
    }
  }

  package func write(prefix: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let file = try AtomicFile(Self.path(prefix: prefix))
    try file.write([UInt8](encoder.encode(self)))
    try file.write("\n")
    try file.commit()
  }

  /// Throws when a model of `vocabularySize` entries cannot hold the dataset's tokens.
  package func check(vocabularySize: Int, prefix: String) throws(CorpusFailure) {
    guard tokenizer.vocabularySize <= vocabularySize else {
      throw CorpusFailure(
        prefix,
        "the dataset was encoded by \(tokenizer.name) with \(tokenizer.vocabularySize) tokens, the model has "
          + "\(vocabularySize); build the dataset with the model's tokenizer or set the model's vocabulary")
    }
  }
}

extension IndexedDataset {
  /// What a sequence is, by the dataset's description or, without one, by whether documents have several.
  package func level(_ description: CorpusDescription?) -> CorpusDescription.Level {
    description?.level ?? (sequenceCount > documentCount ? .sentence : .document)
  }
}
