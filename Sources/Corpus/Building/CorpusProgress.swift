/// How far a build is: everything up to here is encoded and written.
package struct CorpusProgress: Sendable, Equatable {
  /// Bytes of the inputs, compressed where they are.
  package var bytes = 0
  package var totalBytes = 0
  package var documents = 0
  /// Sequences: documents or their sentences.
  package var sequences = 0
  package var tokens = 0
  /// UTF-8 bytes of the text.
  package var textBytes = 0
}

/// What a build made.
package struct CorpusSummary: Sendable, Equatable {
  package let prefix: String
  package let documents: Int
  /// Sequences: documents or their sentences.
  package let sequences: Int
  package let tokens: Int
  /// UTF-8 bytes of the text.
  package let textBytes: Int
  package let duration: Duration

  package var tokensPerByte: Double { Double(tokens) / Double(max(textBytes, 1)) }
}
