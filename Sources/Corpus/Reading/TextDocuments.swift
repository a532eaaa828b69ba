/// The plain text of inputs, one document after another: what a tokenizer is trained on and what an
/// evaluation reads.
package struct TextDocuments {
  private var raw: RawDocuments
  private let decoder: DocumentDecoder

  /// Throws when an input cannot be opened.
  package init(_ paths: [String], options: InputOptions = InputOptions()) throws {
    raw = try RawDocuments(paths, options: options)
    decoder = DocumentDecoder(options: options)
  }

  /// Bytes on the disk of all inputs, and how many are read.
  package var progress: (done: Int, total: Int) { (raw.consumed, raw.total) }

  /// The UTF-8 of the next document that is not empty, or nil at the end.
  package mutating func next() throws -> [UInt8]? {
    while let document = try raw.next() {
      let text = try decoder.text(of: document)
      if !text.isEmpty { return text }
    }
    return nil
  }
}
