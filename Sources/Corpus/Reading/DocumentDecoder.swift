/// Turns raw documents into UTF-8 text: checks the encoding, reads JSON, strips markup. A value without
/// state, so that any number of threads may share it.
struct DocumentDecoder: Sendable {
  let options: InputOptions

  /// The text of `document`; throws with its file and place when it is not valid.
  func text(of document: RawDocument) throws(CorpusFailure) -> [UInt8] {
    let bytes = try validated(document)
    switch document.format {
    case .text, .lines, .paragraphs: return bytes
    case .html: return HTMLText.extract(from: bytes)
    case .jsonl:
      do {
        return try JSONText.extract(
          key: options.textKey, from: bytes, replacingLoneSurrogates: options.replacesInvalidText)
      } catch {
        throw CorpusFailure("\(document.path):\(document.line)", "column \(error.column): \(error.reason)")
      }
    }
  }

  private func validated(_ document: RawDocument) throws(CorpusFailure) -> [UInt8] {
    do {
      _ = try UTF8Span(validating: document.bytes.span)
      return document.bytes
    } catch {
      if options.replacesInvalidText { return Array(String(decoding: document.bytes, as: UTF8.self).utf8) }
      let offset = document.offset + error.byteOffsets.lowerBound
      let place = document.format == .jsonl ? "\(document.path):\(document.line)" : document.path
      throw CorpusFailure(
        place,
        "invalid UTF-8 at byte \(offset); convert the file to UTF-8, or replace what is invalid "
          + "with --replace-invalid")
    }
  }
}
