import JSON

/// Hugging Face's `tokenizer.json`: byte-level BPE (GPT-2 to Llama 3), BPE over pieces with byte fallback
/// (Llama 2, Mistral, Gemma) and WordPiece (BERT).
struct HuggingFaceTokenizer {
  let source: String
  let json: JSONValue
  /// `tokenizer_config.json`, which names the ends of documents.
  let configuration: JSONValue?

  func load() throws(TokenizerFailure) -> any Tokenizer {
    guard json.members != nil, let model = json["model"] else {
      throw unsupported("got \(json.kind) without \"model\"", "a Hugging Face tokenizer")
    }
    // Files of early versions leave the type out.
    switch model["type"]?.text ?? "BPE" {
    case "WordPiece": return try wordPiece(model)
    case "BPE":
      try checkMerging(model)
      return model["byte_fallback"]?.bool == true ? try pieces(model) : try byteLevel(model)
    case let type:
      throw unsupported(
        "the model is of type \(type)", "BPE or WordPiece; use the model's SentencePiece file if it has one")
    }
  }

  func unsupported(_ got: String, _ expected: String) -> TokenizerFailure {
    TokenizerFailure(source, "\(got), expected \(expected)")
  }

  /// The stages of a sequence, or the one that stands alone.
  func stages(_ json: JSONValue, _ key: String) -> [JSONValue] {
    if json.isNull { return [] }
    return json["type"]?.text == "Sequence" ? json[key]?.elements ?? [json] : [json]
  }

  private func byteLevel(_ model: JSONValue) throws(TokenizerFailure) -> ByteLevelBPE {
    let composesCharacters = try composesCharacters()
    let added = try addedTokens()
    let reader = VocabularyReader(source: source)
    let vocabulary = try reader.vocabulary(model["vocab"], added: added)
    let stage = try PretokenizerReader(source: source).read(json["pre_tokenizer"])
    var parts = ByteLevelParts(
      vocabulary: vocabulary, merges: try reader.merges(model["merges"], vocabulary),
      pretokenizer: stage.pretokenizer, added: added, composesCharacters: composesCharacters,
      addsPrefixSpace: stage.addsPrefixSpace, prefersWholePieces: model["ignore_merges"]?.bool ?? false)
    parts.findEnds(DocumentEnds(configuration))
    let tokenizer = try ByteLevelBPE(parts, source: source)
    return tokenizer.opening(with: try opening(tokenizer))
  }

  private func checkMerging(_ model: JSONValue) throws(TokenizerFailure) {
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = model[key]?.text, !text.isEmpty {
        throw unsupported("the model sets \(key) to \"\(text)\"", "BPE over bytes or pieces, which has none")
      }
    }
    if let dropout = model["dropout"], !dropout.isNull {
      guard dropout.number == 0 else { throw unsupported("the model asks for dropout", "none") }
    }
  }

  /// Whether the normalizer is NFC; any other than that or none is an error.
  private func composesCharacters() throws(TokenizerFailure) -> Bool {
    guard let normalizer = json["normalizer"], !normalizer.isNull else { return false }
    let stages = stages(normalizer, "normalizers")
    for stage in stages where stage["type"]?.text != "NFC" {
      throw unsupported(
        "the normalizer is \(stage["type"]?.text ?? stage.kind)",
        "none or NFC, since any other changes the text")
    }
    return !stages.isEmpty
  }

  func addedTokens() throws(TokenizerFailure) -> [AddedTokens.Token] {
    let normalizes = !stages(json["normalizer"] ?? .null, "normalizers").isEmpty
    var tokens: [AddedTokens.Token] = []
    for element in json["added_tokens"]?.elements ?? [] {
      guard let id = element["id"]?.integer, id >= 0, id < Vocabulary.mostIds,
        let name = element["content"]?.text, !name.isEmpty
      else { throw unsupported("an added token lacks \"id\" or \"content\"", "both") }
      let isSpecial = element["special"]?.bool ?? false
      if !isSpecial {
        for flag in ["single_word", "lstrip", "rstrip"] where element[flag]?.bool == true {
          throw unsupported("the added token \"\(name)\" sets \(flag)", "a token found wherever it stands")
        }
        // Tokens are looked for in the text as it is, which is the normalized one where nothing normalizes.
        guard !normalizes || element["normalized"]?.bool == false else {
          throw unsupported(
            "the added token \"\(name)\" sets normalized, and the file has a normalizer",
            "a token found in the text as it is (\"normalized\": false)")
        }
      }
      tokens.append(.init(text: Array(name.utf8), id: Int32(id), isSpecial: isSpecial))
    }
    return tokens
  }

  func opening(_ tokenizer: any Tokenizer) throws(TokenizerFailure) -> [Int32] {
    try OpeningReader(source: source).read(
      postProcessor: json["post_processor"], of: tokenizer)
  }
}
