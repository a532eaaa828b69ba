import CSentencePiece

/// Trains SentencePiece BPE as Nemotron-4 has it: byte fallback, every digit a piece of its own, white
/// space kept (leading, trailing and in runs), no normalisation.
///
/// The model is lossless: a line end, a tab or any character too rare for the vocabulary becomes byte
/// pieces.
package struct SentencePieceTrainer: Sendable {
  /// All pieces: 3 control symbols, 256 bytes, the characters covered, the merges.
  package var vocabularySize: Int
  /// The share of the text's characters that get a piece of their own.
  package var characterCoverage = 0.9995
  /// Whether a text is read as if a space stood before it; then a text's own leading space is kept but the
  /// tokenizer is not lossless by our measure.
  package var addsDummyPrefix = false
  /// Pieces that are always found in text, whole.
  package var userDefined: [String] = []
  /// Symbols such as `<|user|>` that text never reaches.
  package var control: [String] = []
  package var threads = 2

  package init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// The bytes of the `.model` file.
  ///
  /// Memory: the text is held once more by SentencePiece, a line at a time until it has counted words.
  package func train(_ documents: some Sequence<[UInt8]>) throws(TokenizerFailure) -> [UInt8] {
    guard vocabularySize > 259 else {
      throw TokenizerFailure(
        Self.source,
        "got a vocabulary of \(vocabularySize), expected more than 259: 3 control symbols, 256 bytes and "
          + "some pieces")
    }
    if let symbol = (userDefined + control).first(where: { $0.isEmpty || $0.contains(",") }) {
      throw TokenizerFailure(
        Self.source,
        "got the symbol \"\(symbol)\", expected symbols that are not empty and hold no comma")
    }
    let feed = SentenceFeed(documents)
    var model = csp_buffer()
    var error = csp_buffer()
    let failed = withOptions { names, values, count in
      csp_train(
        names, values, count, SentenceFeed.next, Unmanaged.passUnretained(feed).toOpaque(), &model, &error)
    }
    // The trainer holds only an unowned pointer to the feed.
    withExtendedLifetime(feed) {}
    guard failed == 0 else { throw Self.explain(SentencePieceProcessor.message(&error), vocabularySize) }
    return SentencePieceProcessor.take(&model)
  }

  private var options: [(String, String)] {
    var options = [
      ("model_type", "bpe"), ("vocab_size", String(vocabularySize)),
      ("character_coverage", String(characterCoverage)), ("byte_fallback", "true"),
      ("split_digits", "true"), ("split_by_whitespace", "true"), ("allow_whitespace_only_pieces", "true"),
      ("normalization_rule_name", "identity"), ("remove_extra_whitespaces", "false"),
      ("add_dummy_prefix", addsDummyPrefix ? "true" : "false"),
      ("num_threads", String(max(threads, 1))),
      ("max_sentence_length", String(SentenceFeed.longest)), ("minloglevel", "2"),
    ]
    if !userDefined.isEmpty { options.append(("user_defined_symbols", userDefined.joined(separator: ","))) }
    if !control.isEmpty { options.append(("control_symbols", control.joined(separator: ","))) }
    return options
  }

  private func withOptions(
    _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>, Int) -> Int32
  ) -> Int32 {
    let names = options.map { Array($0.0.utf8CString) }
    let values = options.map { Array($0.1.utf8CString) }
    return Self.withPointers(names[...], []) { names in
      Self.withPointers(values[...], []) { values in
        names.withUnsafeBufferPointer { names in
          values.withUnsafeBufferPointer { values in
            guard let name = names.baseAddress, let value = values.baseAddress else { return 1 }
            return body(name, value, names.count)
          }
        }
      }
    }
  }

  private static func withPointers(
    _ strings: ArraySlice<[CChar]>, _ done: [UnsafePointer<CChar>?],
    _ body: ([UnsafePointer<CChar>?]) -> Int32
  ) -> Int32 {
    guard let first = strings.first else { return body(done) }
    return first.withUnsafeBufferPointer {
      withPointers(strings.dropFirst(), done + [$0.baseAddress], body)
    }
  }

  private static let source = "SentencePiece training"

  private static func explain(_ message: String, _ size: Int) -> TokenizerFailure {
    // The library names its source line and condition first: "…cc(660) [a == b] Vocabulary size …".
    let advice = message.split(separator: "] ").last.map(String.init) ?? message
    if message.contains("Vocabulary size too high") || message.contains("Vocabulary size is smaller") {
      let trimmed = advice.last == "." ? String(advice.dropLast()) : advice
      return TokenizerFailure(
        Self.source, "a vocabulary of \(size) does not fit this text: \(trimmed), or give more text")
    }
    if message.contains("sentences_.empty()") {
      return TokenizerFailure(source, "got no text that can be trained on, expected some lines of UTF-8")
    }
    return TokenizerFailure(source, "the library stopped: \(message)")
  }
}
