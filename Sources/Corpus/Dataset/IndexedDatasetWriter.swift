import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a Megatron dataset one document at a time; nothing is visible under `prefix` until `commit()`.
///
/// Tokens go to the disk as they come; memory grows by four bytes a document.
package final class IndexedDatasetWriter {
  package let prefix: String
  package let tokenType: TokenType
  package private(set) var tokenCount = 0
  package var documentCount: Int { lengths.count }

  private let vocabularySize: Int
  private let data: AtomicFile
  private var lengths: [Int32] = []
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

  /// Appends one document of one sequence. Throws on a token outside the vocabulary and on a full disk.
  package func append(_ tokens: [Int32]) throws {
    if let stray = tokens.first(where: { $0 < 0 || $0 >= vocabularySize }) {
      throw CorpusFailure(
        prefix, "document \(lengths.count) holds token \(stray), the vocabulary has \(vocabularySize)")
    }
    guard let length = Int32(exactly: tokens.count) else {
      throw CorpusFailure(
        prefix, "document \(lengths.count) has \(tokens.count) tokens, the format holds \(Int32.max)")
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
    try file.write([UInt64(lengths.count), UInt64(lengths.count + 1)])
    try file.write(lengths)
    var pointer: Int64 = 0
    try writeTable(to: file) { sequence in
      defer { pointer += Int64(lengths[sequence]) * Int64(tokenType.byteCount) }
      return pointer
    }
    try writeTable(to: file) { Int64($0) }
    try file.write([Int64(lengths.count)])
  }

  /// One i64 a document, in slices so that the table is never held whole.
  private func writeTable(to file: AtomicFile, _ value: (Int) -> Int64) throws(FileFailure) {
    let slice = 1 << 16
    for start in stride(from: 0, to: lengths.count, by: slice) {
      try file.write((start..<min(start + slice, lengths.count)).map(value))
    }
  }
}
