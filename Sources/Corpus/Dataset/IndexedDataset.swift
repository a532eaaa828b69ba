import Files

/// A tokenised corpus in Megatron's format: `<prefix>.bin` holds raw tokens, `<prefix>.idx` says where each
/// sequence lies and which sequences make a document. Both are memory-mapped: opening reads a few hundred
/// bytes whatever the size, and every read checks the index entries it uses.
package final class IndexedDataset: Sendable {
  /// The path without `.bin` or `.idx`.
  package let prefix: String
  private let layout: IndexLayout
  private let index: MappedFile
  private let data: MappedFile

  /// Opens `<prefix>.idx` and `<prefix>.bin`.
  ///
  /// Checks the header, the size of both files and the ends of the tables; `verify` checks all of it.
  package init(prefix: String) throws {
    self.prefix = prefix
    index = try MappedFile("\(prefix).idx")
    layout = try IndexLayout(of: index)
    data = try MappedFile("\(prefix).bin")
    try checkEnds()
  }

  package var tokenType: TokenType { layout.tokenType }
  package var sequenceCount: Int { layout.sequenceCount }
  package var documentCount: Int { layout.documentIndexCount - 1 }
  package var tokenCount: Int { data.count / tokenType.byteCount }

  /// Tokens of one sequence, as the index says it.
  package func length(of sequence: Int) -> Int {
    precondition(
      sequence >= 0 && sequence < sequenceCount, "sequence \(sequence) outside 0..<\(sequenceCount)")
    return Int(index.load(Int32.self, at: layout.lengths + 4 * sequence))
  }

  /// Byte offset of a sequence in the `.bin` file.
  func pointer(of sequence: Int) -> Int {
    Int(index.load(Int64.self, at: layout.pointers + 8 * sequence))
  }

  /// The sequences of one document.
  package func sequences(ofDocument document: Int) throws(CorpusFailure) -> Range<Int> {
    precondition(
      document >= 0 && document < documentCount, "document \(document) outside 0..<\(documentCount)")
    let first = documentBoundary(document)
    let last = documentBoundary(document + 1)
    guard 0 <= first, first <= last, last <= sequenceCount else {
      throw CorpusFailure(
        index.path,
        "document \(document) covers sequences \(first) to \(last) of \(sequenceCount); the index is damaged")
    }
    return first..<last
  }

  /// The tokens of one document.
  package func document(_ document: Int) throws(CorpusFailure) -> [Int32] {
    var tokens: [Int32] = []
    for sequence in try sequences(ofDocument: document) {
      try append(sequence: sequence, from: 0, count: length(of: sequence), to: &tokens)
    }
    return tokens
  }

  /// Appends tokens `start..<start + count` of a sequence; allocates nothing when `tokens` has room.
  package func append(sequence: Int, from start: Int, count: Int, to tokens: inout [Int32])
    throws(CorpusFailure)
  {
    let length = length(of: sequence)
    guard start >= 0, count >= 0, count <= length - start else {
      throw CorpusFailure(
        index.path,
        "tokens \(start) to \(start + count) asked of sequence \(sequence), which has \(length)")
    }
    let first = try checkedPointer(of: sequence, length: length) + start * tokenType.byteCount
    switch tokenType {
    case .uint16: append(UInt16.self, at: first, count: count, to: &tokens)
    case .int32: append(Int32.self, at: first, count: count, to: &tokens)
    case .uint8: append(UInt8.self, at: first, count: count, to: &tokens)
    case .int8: append(Int8.self, at: first, count: count, to: &tokens)
    case .int16: append(Int16.self, at: first, count: count, to: &tokens)
    case .int64: try appendWide(sequence, at: first, count: count, to: &tokens)
    }
  }

  private func append<T: FixedWidthInteger>(
    _ type: T.Type, at offset: Int, count: Int, to tokens: inout [Int32]
  ) {
    for position in 0..<count {
      tokens.append(Int32(truncatingIfNeeded: data.load(type, at: offset + position * MemoryLayout<T>.size)))
    }
  }

  private func appendWide(_ sequence: Int, at offset: Int, count: Int, to tokens: inout [Int32])
    throws(CorpusFailure)
  {
    for position in 0..<count {
      let value = data.load(Int64.self, at: offset + position * 8)
      guard let token = Int32(exactly: value) else {
        throw CorpusFailure(
          data.path, "token \(position) of sequence \(sequence) is \(value), beyond 32 bits")
      }
      tokens.append(token)
    }
  }
}

// MARK: - Checks

extension IndexedDataset {
  /// Reads both tables to their end: pointers follow one another, documents cover the sequences in order
  /// and the `.bin` has exactly their bytes. With a vocabulary size, reads every token as well.
  package func verify(vocabularySize: Int? = nil) throws(CorpusFailure) {
    var expected = 0
    for sequence in 0..<sequenceCount {
      let length = length(of: sequence)
      let pointer = try checkedPointer(of: sequence, length: length)
      guard pointer == expected else {
        throw CorpusFailure(
          index.path, "sequence \(sequence) starts at byte \(pointer), expected \(expected)")
      }
      expected += length * tokenType.byteCount
    }
    for document in 0..<documentCount { _ = try sequences(ofDocument: document) }
    guard let vocabularySize else { return }
    var tokens: [Int32] = []
    for sequence in 0..<sequenceCount {
      tokens.removeAll(keepingCapacity: true)
      try append(sequence: sequence, from: 0, count: length(of: sequence), to: &tokens)
      guard let stray = tokens.first(where: { $0 < 0 || $0 >= vocabularySize }) else { continue }
      throw CorpusFailure(
        data.path,
        "sequence \(sequence) holds token \(stray), the vocabulary has \(vocabularySize); "
          + "was it built with another tokenizer?")
    }
  }

  private func documentBoundary(_ document: Int) -> Int {
    Int(index.load(Int64.self, at: layout.documentIndices + 8 * document))
  }

  private func checkedPointer(of sequence: Int, length: Int) throws(CorpusFailure) -> Int {
    let pointer = pointer(of: sequence)
    guard length >= 0, pointer >= 0, pointer <= data.count,
      length <= (data.count - pointer) / tokenType.byteCount
    else {
      throw CorpusFailure(
        index.path,
        "sequence \(sequence) points at byte \(pointer) for \(length) tokens of "
          + "\(tokenType.byteCount) bytes, \(data.path) has \(data.count); the index is damaged")
    }
    return pointer
  }

  private func checkEnds() throws(CorpusFailure) {
    guard sequenceCount > 0, documentCount > 0 else {
      throw CorpusFailure(index.path, "holds no documents; build the dataset from non-empty text")
    }
    let (first, last) = (documentBoundary(0), documentBoundary(documentCount))
    guard first == 0, last == sequenceCount else {
      throw CorpusFailure(
        index.path,
        "documents cover sequences \(first) to \(last), expected 0 to \(sequenceCount); the index is damaged")
    }
    let length = length(of: sequenceCount - 1)
    let pointer = pointer(of: sequenceCount - 1)
    let (expected, overflow) = pointer.addingReportingOverflow(length * tokenType.byteCount)
    guard length >= 0, pointer >= 0, !overflow else {
      throw CorpusFailure(
        index.path, "the last sequence has \(length) tokens at byte \(pointer); the index is damaged")
    }
    guard data.count == expected else {
      throw CorpusFailure(
        data.path,
        "\(data.count < expected ? "truncated" : "too long"): its index expects \(expected) bytes, "
          + "got \(data.count); build the dataset again")
    }
  }
}
