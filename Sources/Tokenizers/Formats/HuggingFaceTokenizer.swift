/// Hugging Face's `tokenizer.json`, for byte-level BPE.
///
/// An NFC normaliser is accepted and not applied: text that is in NFC, as nearly all is, gets the same ids,
/// and other text stays as it is, byte for byte. Post-processors that add tokens around a text are left to
/// whoever builds the prompt.
struct HuggingFaceTokenizer {
  let source: String
  let json: JSONValue
  /// `tokenizer_config.json`, which names the ends of documents.
  let configuration: JSONValue?

  func load() throws(TokenizerFailure) -> ByteLevelBPE {
    guard json.members != nil, let model = json["model"] else {
      throw unsupported("got \(json.kind) without \"model\"", "a Hugging Face tokenizer")
    }
    try checkModel(model)
    try checkNormalizer()
    let added = try addedTokens()
    let reader = VocabularyReader(source: source)
    let vocabulary = try reader.vocabulary(model["vocab"], added: added)
    let stage = try PretokenizerReader(source: source).read(json["pre_tokenizer"])
    var parts = ByteLevelParts(
      vocabulary: vocabulary, merges: try reader.merges(model["merges"], vocabulary),
      pretokenizer: stage.pretokenizer, added: added, addsPrefixSpace: stage.addsPrefixSpace,
      prefersWholePieces: model["ignore_merges"]?.bool ?? false)
    parts.findEnds(DocumentEnds(configuration))
    return try ByteLevelBPE(parts, source: source)
  }

  private func unsupported(_ got: String, _ expected: String) -> TokenizerFailure {
    TokenizerFailure(source, "\(got), expected \(expected)")
  }

  private func checkModel(_ model: JSONValue) throws(TokenizerFailure) {
    // Files of early versions leave the type out.
    let type = model["type"]?.text ?? "BPE"
    guard type == "BPE" else {
      throw unsupported(
        "the model is of type \(type)", "BPE; use the model's SentencePiece file if it has one")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] as [StaticString] {
      if let text = model[key]?.text, !text.isEmpty {
        throw unsupported("the model sets \(key) to \"\(text)\"", "byte-level BPE, which has none")
      }
    }
    if let dropout = model["dropout"], !dropout.isNull {
      guard case .number(0) = dropout else { throw unsupported("the model asks for dropout", "none") }
    }
    if model["byte_fallback"]?.bool == true {
      throw unsupported(
        "the model falls back to bytes, as Llama's does",
        "byte-level BPE; use the model's SentencePiece file (tokenizer.model) instead")
    }
  }

  private func checkNormalizer() throws(TokenizerFailure) {
    guard let normalizer = json["normalizer"], !normalizer.isNull else { return }
    let type = normalizer["type"]?.text ?? normalizer.kind
    if type == "NFC" { return }
    if type == "Sequence", normalizer["normalizers"]?.elements?.isEmpty == true { return }
    throw unsupported("the normalizer is \(type)", "none or NFC, since any other changes the text")
  }

  private func addedTokens() throws(TokenizerFailure) -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    for element in json["added_tokens"]?.elements ?? [] {
      guard let id = element["id"]?.integer, id >= 0, id < Vocabulary.mostIds,
        let text = element["content"]?.bytes, !text.isEmpty
      else { throw unsupported("an added token lacks \"id\" or \"content\"", "both") }
      let isSpecial = element["special"]?.bool ?? false
      if !isSpecial {
        for flag in ["single_word", "lstrip", "rstrip"] as [StaticString]
        where element[flag]?.bool == true {
          let name = String(decoding: text, as: UTF8.self)
          throw unsupported("the added token \"\(name)\" sets \(flag)", "a token found wherever it stands")
        }
      }
      tokens.append(.init(text: text, id: Int32(id), isSpecial: isSpecial))
    }
    return tokens
  }
}
