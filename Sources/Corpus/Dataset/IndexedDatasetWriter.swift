import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a Megatron dataset one document at a time; nothing is visible under `prefix` until `commit()`.
///
/// Tokens go to the disk as they come; memory grows by four bytes a sequence and eight a document.
package final class IndexedDatasetWriter {
  package let prefix: String
  package let tokenType: TokenType
  package private(set) var tokenCount = 0
  package var documentCount: Int { boundaries.count - 1 }
  package var sequenceCount: Int { lengths.count }

  private let vocabularySize: Int
  private let data: AtomicFile
  private var lengths: [Int32] = []
  /// The first sequence of each document, and the end.
  private var boundaries: [Int64] = [0]
  private var narrow: [UInt16] = []

  /// Opens `<prefix>.bin` beside its final name. The vocabulary chooses 16 or 32 bits as Megatron does.
  package init(prefix: String, vocabularySize: Int) throws {
    guard vocabularySize > 0 else {
      throw CorpusFailure(prefix, "expected a vocabulary of at least one token, got \(vocabularySize)")
    }
    self.prefix = prefix
    self.vocabularySize = vocabularySize
    tokenType = TokenType(vocabularySize: vocabularySize)
    data = try AtomicFile("\(prefix).bin")
  }

  /// Appends one document of one sequence.
  package func append(_ tokens: [Int32]) throws { try append([tokens]) }

  /// Appends one document of these sequences. Throws on a token outside the vocabulary and on a full disk,
  /// behind which nothing more is to be written.
  package func append(_ sequences: [[Int32]]) throws {
    for tokens in sequences { try write(tokens) }
    boundaries.append(Int64(lengths.count))
  }

  private func write(_ tokens: [Int32]) throws {
    if let stray = tokens.first(where: { $0 < 0 || $0 >= vocabularySize }) {
      throw CorpusFailure(
        prefix, "document \(documentCount) holds token \(stray), the vocabulary has \(vocabularySize)")
    }
    guard let length = Int32(exactly: tokens.count) else {
      throw CorpusFailure(
        prefix, "document \(documentCount) has \(tokens.count) tokens, the format holds \(Int32.max)")
    }
    if tokenType == .uint16 {
      narrow.removeAll(keepingCapacity: true)
      narrow.append(contentsOf: tokens.lazy.map { UInt16(truncatingIfNeeded: $0) })
      try data.write(narrow)
    } else {
      try data.write(tokens)
    }
    lengths.append(length)
    tokenCount += tokens.count
  }

  /// Puts both files in place, `.bin` first. An older index goes before the new data comes, so that no
  /// crash can pair one with the other.
  package func commit() throws {
    let index = try AtomicFile("\(prefix).idx")
    try writeIndex(to: index)
    try data.synchronize()
    try index.synchronize()
    unlink(index.path)
    try data.commit()
    try index.commit()
  }

  private func writeIndex(to file: AtomicFile) throws(FileFailure) {
    try file.write(IndexLayout.magic)
    try file.write([IndexLayout.version])
    try file.write([tokenType.rawValue])
    try file.write([UInt64(lengths.count), UInt64(boundaries.count)])
    try file.write(lengths)
    try writePointers(to: file)
    try file.write(boundaries)
  }

  /// Where each sequence starts, in slices so that the table is never held whole.
  private func writePointers(to file: AtomicFile) throws(FileFailure) {
    var pointer: Int64 = 0
    let slice = 1 << 16
    for start in stride(from: 0, to: lengths.count, by: slice) {
      try file.write(
        lengths[start..<min(start + slice, lengths.count)].map { length in
          defer { pointer += Int64(length) * Int64(tokenType.byteCount) }
          return pointer
        })
    }
  }
}
