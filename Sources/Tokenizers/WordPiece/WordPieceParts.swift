import JSON

/// What the files of a WordPiece tokenizer say, whatever their format.
struct WordPieceParts: Sendable {
  let vocabulary: Vocabulary
  /// What text can be cut into.
  let tokens: [(bytes: [UInt8], id: Int)]
  var added: [AddedTokens.Token]
  var normalization = BertCharacters.Options()
  var unknownToken = "[UNK]"
  /// In front of a piece that goes on with a word.
  var continuation = "##"
  /// In characters; longer words are unknown.
  var longestWord = 100

  /// BERT's special tokens, which any vocabulary of its kind has under these names.
  static let specialNames = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

  init(
    _ tokens: [(bytes: [UInt8], id: Int)], added: [AddedTokens.Token], source: String
  ) throws(TokenizerFailure) {
    vocabulary = try Vocabulary(tokens, source: source)
    self.tokens = tokens.filter { !$0.bytes.isEmpty }
    self.added = added
  }

  func id(of name: String) -> Int32? {
    let text = Array(name.utf8)
    return added.first { $0.text == text }?.id ?? vocabulary.id(of: text)
  }

  /// `vocab.txt`: a token a line, whose number from 0 is its id; with `tokenizer_config.json` and
  /// `added_tokens.json` beside it, which may add no token to those that are special by their names.
  init(
    lines: [UInt8], configuration: JSONValue?, addedTokens: JSONValue? = nil, source: String
  ) throws(TokenizerFailure) {
    var rows = lines.split(separator: 0x0A, omittingEmptySubsequences: false)
    if rows.last?.isEmpty == true { rows.removeLast() }
    let tokens = rows.enumerated().map { (bytes: Array($1.last == 0x0D ? $1.dropLast() : $1), id: $0) }
    let names = Self.specialNames.map { Array($0.utf8) }
    let special = tokens.filter { names.contains($0.bytes) && $0.id < Vocabulary.mostIds }.map {
      AddedTokens.Token(text: $0.bytes, id: Int32($0.id), isSpecial: true)
    }
    let added =
      (configuration?["added_tokens_decoder"]?.members ?? []).map { $0.value["content"]?.bytes ?? [] }
      + (addedTokens?.members ?? []).map { Array($0.key.utf8) }
    if let name = added.first(where: { name in !special.contains { $0.text == name } }) {
      throw TokenizerFailure(
        source,
        "the files beside it add the token \"\(String(decoding: name, as: UTF8.self))\", expected none but the "
          + "vocabulary's \(Self.specialNames.joined(separator: ", ")); save the tokenizer as tokenizer.json")
    }
    try self.init(tokens, added: special, source: source)
    guard let configuration else { return }
    normalization.lowercases = configuration["do_lower_case"]?.bool ?? true
    normalization.isolatesIdeographs = configuration["tokenize_chinese_chars"]?.bool ?? true
    normalization.stripsAccents = configuration["strip_accents"]?.bool ?? normalization.lowercases
    if let name = configuration["unk_token"]?.text ?? configuration["unk_token"]?["content"]?.text {
      unknownToken = name
    }
  }
}
