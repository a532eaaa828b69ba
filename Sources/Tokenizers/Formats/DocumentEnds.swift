import JSON

/// The names of the tokens that begin and end a document.
struct DocumentEnds {
  var end: String?
  var beginning: String?

  init(end: String? = nil, beginning: String? = nil) {
    self.end = end
    self.beginning = beginning
  }

  /// From `tokenizer_config.json`: `"eos_token": "</s>"` or `"eos_token": {"content": "</s>", …}`.
  init(_ configuration: JSONValue?) {
    func name(_ key: String) -> String? {
      configuration?[key]?.text ?? configuration?[key]?["content"]?.text
    }
    self.init(end: name("eos_token"), beginning: name("bos_token"))
  }

  /// Under which vocabularies know the end of a document, the surest first.
  static let endNames = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]"]
  static let beginningNames = ["<|begin_of_text|>", "<|startoftext|>", "<s>", "<bos>", "<|bos|>", "[BOS]"]

  /// The id of the token that ends a document: by the name given, or else by a well-known one.
  func end(among added: [AddedTokens.Token]) -> Int32? {
    Self.special([end].compactMap(\.self) + Self.endNames, added)
  }

  func beginning(among added: [AddedTokens.Token]) -> Int32? {
    Self.special([beginning].compactMap(\.self) + Self.beginningNames, added)
  }

  /// The id of the first of `names` among the special tokens.
  private static func special(_ names: [String], _ added: [AddedTokens.Token]) -> Int32? {
    for name in names {
      if let token = added.first(where: { $0.isSpecial && $0.text == Array(name.utf8) }) { return token.id }
    }
    return nil
  }
}
