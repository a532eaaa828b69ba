import JSON

/// The kinds of tokenizer files there are, and how to tell them.
package enum TokenizerFormat: String, Sendable, CaseIterable {
  /// Hugging Face: `tokenizer.json`, with `tokenizer_config.json` if there is one.
  case huggingFace
  /// SentencePiece: `tokenizer.model` or any other `*.model`.
  case sentencePiece
  /// GPT-2: `vocab.json` and `merges.txt`, or OpenAI's `encoder.json` and `vocab.bpe`.
  case vocabularyAndMerges
  /// OpenAI: `*.tiktoken`.
  case tiktoken
  /// BERT: `vocab.txt` or any other `*vocab.txt`, with `added_tokens.json` if there is one.
  case wordPiece
  /// llama2.c: `tokenizer.bin`.
  case llama2c

  /// The formats in the order in which a folder that holds several is read, with the files of each: those
  /// needed, then those read if they are there.
  ///
  /// A lone `*.json` of another name counts as `tokenizer.json`, a lone `*.bin` as `tokenizer.bin`. Of several
  /// `*.model`, `*.tiktoken` or `*vocab.txt` files, the first by name.
  static func recognise(_ names: some Collection<String>) -> (
    TokenizerFormat, needed: [String], optional: [String]
  )? {
    let sorted = names.sorted()
    if sorted.count == 1, sorted[0].hasSuffix(".json") { return (.huggingFace, sorted, []) }
    if sorted.count == 1, sorted[0].hasSuffix(".bin") { return (.llama2c, sorted, []) }
    let optional = sorted.filter { $0 == "tokenizer_config.json" }
    if sorted.contains("tokenizer.json") { return (.huggingFace, ["tokenizer.json"], optional) }
    for pair in [["vocab.json", "merges.txt"], ["encoder.json", "vocab.bpe"]]
    where pair.allSatisfy(sorted.contains) {
      return (.vocabularyAndMerges, pair, optional)
    }
    if let name = sorted.first(where: { $0 == "tokenizer.model" })
      ?? sorted.first(where: { $0.hasSuffix(".model") })
    {
      return (.sentencePiece, [name], optional)
    }
    if let name = sorted.first(where: { $0.hasSuffix(".tiktoken") }) { return (.tiktoken, [name], optional) }
    if let name = sorted.first(where: { $0 == "vocab.txt" })
      ?? sorted.first(where: { $0.hasSuffix("vocab.txt") })
    {
      return (.wordPiece, [name], sorted.filter { $0 == "added_tokens.json" } + optional)
    }
    return sorted.contains("tokenizer.bin") ? (.llama2c, ["tokenizer.bin"], []) : nil
  }

  /// The names in a folder that make up its tokenizer; nil where there is none.
  package static func files(among names: some Collection<String>) -> [String]? {
    recognise(names).map { $0.needed + $0.optional }
  }

  /// Reads the tokenizer that `files` (contents by file name, without folders) make up.
  package static func load(_ files: [String: [UInt8]]) throws(TokenizerFailure) -> TokenizerFiles {
    guard let (format, needed, optional) = recognise(files.keys) else {
      let got = files.isEmpty ? "no file" : files.keys.sorted().joined(separator: ", ")
      throw TokenizerFailure(
        "tokenizer",
        "got \(got), expected tokenizer.json, vocab.json with merges.txt, encoder.json with vocab.bpe, "
          + "a SentencePiece *.model, a *.tiktoken file, BERT's vocab.txt or llama2.c's tokenizer.bin")
    }
    let used = files.filter { (needed + optional).contains($0.key) }
    let contents = needed.map { used[$0] ?? [] }
    func json(_ name: String) throws(TokenizerFailure) -> JSONValue? {
      guard optional.contains(name), let contents = used[name] else { return nil }
      return try JSONValue(contents, source: name)
    }
    let configuration = try json("tokenizer_config.json")
    let opensTexts = configuration?["add_bos_token"]?.bool ?? false
    let tokenizer: any Tokenizer =
      switch format {
      case .huggingFace:
        try HuggingFaceTokenizer(
          source: needed[0], json: JSONValue(contents[0], source: needed[0]),
          configuration: configuration
        ).load()
      case .vocabularyAndMerges:
        try ByteLevelBPE(
          vocabulary: contents[0], merges: contents[1], names: (needed[0], needed[1]),
          ends: DocumentEnds(configuration), opensTexts: opensTexts)
      case .sentencePiece:
        try SentencePieceTokenizer(
          model: contents[0], opensTexts: opensTexts, source: needed[0])
      case .tiktoken: try TiktokenRanks(source: needed[0]).load(contents[0])
      case .wordPiece:
        try WordPieceTokenizer(
          WordPieceParts(
            lines: contents[0], configuration: configuration, addedTokens: json("added_tokens.json"),
            source: needed[0]),
          source: needed[0])
      case .llama2c: try Llama2CTokenizer(source: needed[0]).load(contents[0])
      }
    return TokenizerFiles(tokenizer: tokenizer, format: format, files: format.named(used, needed))
  }

  /// The files under names by which they are found among others too, such as beside a model.
  private func named(_ files: [String: [UInt8]], _ needed: [String]) -> [String: [UInt8]] {
    let name =
      switch self {
      case .huggingFace: "tokenizer.json"
      case .wordPiece: "vocab.txt"
      case .llama2c: "tokenizer.bin"
      case .sentencePiece, .vocabularyAndMerges, .tiktoken: needed[0]
      }
    var named = files
    if let contents = named.removeValue(forKey: needed[0]) { named[name] = contents }
    return named
  }
}

/// A tokenizer and the bytes of the files it came from, for keeping beside a model.
package struct TokenizerFiles: Sendable {
  package let tokenizer: any Tokenizer
  package let format: TokenizerFormat
  /// By file name.
  package let files: [String: [UInt8]]
}
