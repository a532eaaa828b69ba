import JSON

extension HuggingFaceTokenizer {
  /// WordPiece behind BERT's normaliser and pre-tokenizer.
  func wordPiece(_ model: JSONValue) throws(TokenizerFailure) -> WordPieceTokenizer {
    let normalizer = json["normalizer"] ?? .null
    guard normalizer["type"]?.text == "BertNormalizer" else {
      throw unsupported(
        "the normalizer of a WordPiece model is \(normalizer["type"]?.text ?? normalizer.kind)",
        "BertNormalizer")
    }
    let pretokenizer = json["pre_tokenizer"] ?? .null
    guard pretokenizer["type"]?.text == "BertPreTokenizer" else {
      throw unsupported(
        "the pre-tokenizer of a WordPiece model is \(pretokenizer["type"]?.text ?? pretokenizer.kind)",
        "BertPreTokenizer")
    }
    guard let members = model["vocab"]?.members else {
      throw unsupported("the model has no \"vocab\"", "an object of tokens and their ids")
    }
    var tokens: [(bytes: [UInt8], id: Int)] = []
    tokens.reserveCapacity(members.count)
    for member in members {
      guard let id = member.value.integer else {
        throw unsupported(
          "token \"\(member.key.prefix(40))\" has \(member.value.kind) for its id", "a whole number")
      }
      tokens.append((Array(member.key.utf8), id))
    }
    var parts = try WordPieceParts(tokens, added: try addedTokens(), source: source)
    parts.normalization = BertCharacters.Options(
      cleansText: normalizer["clean_text"]?.bool ?? true,
      isolatesIdeographs: normalizer["handle_chinese_chars"]?.bool ?? true,
      stripsAccents: normalizer["strip_accents"]?.bool ?? normalizer["lowercase"]?.bool ?? true,
      lowercases: normalizer["lowercase"]?.bool ?? true)
    parts.unknownToken = model["unk_token"]?.text ?? parts.unknownToken
    parts.continuation = model["continuing_subword_prefix"]?.text ?? parts.continuation
    if let longest = model["max_input_chars_per_word"] {
      guard let count = longest.integer, count >= 0 else {
        throw unsupported(
          "max_input_chars_per_word is \(longest.integer.map { "\($0)" } ?? longest.kind)",
          "a whole number from 0 on")
      }
      parts.longestWord = min(count, 1 << 20)
    }
    return try WordPieceTokenizer(parts, source: source)
  }
}
