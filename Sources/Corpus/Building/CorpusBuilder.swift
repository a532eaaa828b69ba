import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Encodes text files into a Megatron dataset, on all cores, in the order of the input, holding a few
/// batches of documents at a time.
package struct CorpusBuilder: Sendable {
  package typealias Encoder = @Sendable ([UInt8]) -> [Int32]

  package var options = InputOptions()
  /// Whether a sequence is a sentence or a document.
  package let level: CorpusDescription.Level
  /// Whether every document ends with the tokenizer's end-of-text token; sentences never do.
  package let appendsEndOfText: Bool

  private let tokenizer: CorpusDescription.TokenizerIdentity
  private let encode: Encoder

  /// - Parameter encode: UTF-8 bytes to tokens; called from several threads at once.
  package init(
    tokenizer: CorpusDescription.TokenizerIdentity, level: CorpusDescription.Level = .document,
    appendsEndOfText: Bool = true, options: InputOptions = InputOptions(), encode: @escaping Encoder
  ) throws(CorpusFailure) {
    let appendsEndOfText = appendsEndOfText && level == .document
    guard !appendsEndOfText || tokenizer.endOfText != nil else {
      throw CorpusFailure(
        tokenizer.name, "has no end-of-text token to end documents with; choose one or do not append it")
    }
    self.tokenizer = tokenizer
    self.level = level
    self.appendsEndOfText = appendsEndOfText
    self.options = options
    self.encode = encode
  }

  /// Writes `<prefix>.bin`, `.idx` and `.json` from `inputs`; on an error none of them is touched.
  package func build(
    _ inputs: [String], prefix: String, progress report: (CorpusProgress) -> Void = { _ in }
  ) async throws -> CorpusSummary {
    let start = ContinuousClock.now
    var source = try RawDocuments(inputs, options: options)
    let writer = try IndexedDatasetWriter(prefix: prefix, vocabularySize: tokenizer.vocabularySize)
    let progress = try await encodeAll(&source, to: writer, report: report)
    guard progress.documents > 0 else {
      throw CorpusFailure(
        "input", "found no text in \(inputs.count) file\(inputs.count == 1 ? "" : "s"), expected a document")
    }
    unlink(CorpusDescription.path(prefix: prefix))
    try writer.commit()
    try CorpusDescription(
      tokenizer: tokenizer, appendsEndOfText: appendsEndOfText, sources: inputs.count,
      documents: progress.documents, tokens: progress.tokens, textBytes: progress.textBytes, level: level,
      sentences: level == .sentence ? progress.sequences : nil
    ).write(prefix: prefix)
    return CorpusSummary(
      prefix: prefix, documents: progress.documents, sequences: progress.sequences, tokens: progress.tokens,
      textBytes: progress.textBytes, duration: ContinuousClock.now - start)
  }

  /// Reads, encodes on all cores and writes in order. At most `limit` batches are between the reader and
  /// the writer, whichever of them finish first.
  private func encodeAll(
    _ source: inout RawDocuments, to writer: IndexedDatasetWriter, report: (CorpusProgress) -> Void
  ) async throws -> CorpusProgress {
    let limit = 2 * ProcessInfo.processInfo.activeProcessorCount + 2
    var progress = CorpusProgress(totalBytes: source.total)
    try await withThrowingTaskGroup(of: EncodedBatch.self) { group in
      var early: [Int: EncodedBatch] = [:]
      var (read, written) = (0, 0)
      while true {
        try Task.checkCancellation()
        while read - written < limit, let batch = try Self.nextBatch(read, from: &source) {
          group.addTask { encoded(batch) }
          read += 1
        }
        guard let batch = try await group.next() else { return }
        early[batch.number] = batch
        while let next = early.removeValue(forKey: written) {
          try write(next, to: writer, progress: &progress)
          report(progress)
          written += 1
        }
      }
    }
    return progress
  }

  private static func nextBatch(_ number: Int, from source: inout RawDocuments) throws -> EncodingBatch? {
    var documents: [RawDocument] = []
    var count = 0
    while count < EncodingBatch.byteCount, let document = try source.next() {
      count += document.bytes.count
      documents.append(document)
    }
    guard !documents.isEmpty else { return nil }
    return EncodingBatch(number: number, documents: documents, consumed: source.consumed)
  }

  private func encoded(_ batch: EncodingBatch) -> EncodedBatch {
    let outcome = Result {
      let decoder = DocumentDecoder(options: options)
      var result = EncodedBatch.Documents()
      for document in batch.documents {
        let text = try decoder.text(of: document)
        guard !text.isEmpty else { continue }
        let sequences = self.sequences(of: text)
        guard !sequences.isEmpty else { continue }
        result.sequences.append(sequences)
        result.textBytes += text.count
      }
      return result
    }
    return EncodedBatch(number: batch.number, consumed: batch.consumed, outcome: outcome)
  }

  /// The tokens of each sequence of a document. Sentences without tokens are none.
  private func sequences(of text: [UInt8]) -> [[Int32]] {
    guard level == .document else {
      return SentenceSplitter.split(text).map { encode(Array(text[$0])) }.filter { !$0.isEmpty }
    }
    var tokens = encode(text)
    if appendsEndOfText, let end = tokenizer.endOfText { tokens.append(end) }
    return [tokens]
  }

  private func write(_ batch: EncodedBatch, to writer: IndexedDatasetWriter, progress: inout CorpusProgress)
    throws
  {
    let documents = try batch.outcome.get()
    for sequences in documents.sequences { try writer.append(sequences) }
    progress.bytes = batch.consumed
    progress.documents = writer.documentCount
    progress.sequences = writer.sequenceCount
    progress.tokens = writer.tokenCount
    progress.textBytes += documents.textBytes
  }
}
