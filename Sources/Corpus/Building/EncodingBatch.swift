/// Some consecutive documents, encoded together by one task.
struct EncodingBatch: Sendable {
  let number: Int
  let documents: [RawDocument]
  /// Bytes of the inputs read once these documents are.
  let consumed: Int

  /// Text bytes a batch gathers at least: enough work to hide the hand-over, little enough to share fairly.
  static let byteCount = 1 << 17
}

/// The tokens of a batch, or what was wrong with its first bad document.
struct EncodedBatch: Sendable {
  let number: Int
  let consumed: Int
  let outcome: Result<Documents, any Error>

  struct Documents: Sendable {
    /// The tokens of each sequence of each document.
    var sequences: [[[Int32]]] = []
    var textBytes = 0
  }
}
