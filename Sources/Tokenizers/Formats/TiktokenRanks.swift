/// OpenAI's rank files: a line for each token, its bytes in base 64 and its rank, which is its id.
///
/// The merges follow from the ranks: two neighbours merge when their bytes together are a token, the
/// lowest rank first.
struct TiktokenRanks {
  let source: String

  /// What a rank file does not say: the pattern and the special tokens.
  struct Encoding: Sendable {
    let name: String
    let ranks: Int
    let pattern: Pretokenizer.Pattern
    let special: [(text: String, id: Int32)]
    let end: String

    /// The published encodings, told apart by their number of ranks.
    static let known: [Encoding] = [
      Encoding(
        name: "r50k_base", ranks: 50256, pattern: .gpt2, special: [("<|endoftext|>", 50256)],
        end: "<|endoftext|>"),
      Encoding(
        name: "p50k_base", ranks: 50280, pattern: .gpt2, special: [("<|endoftext|>", 50256)],
        end: "<|endoftext|>"),
      Encoding(
        name: "cl100k_base", ranks: 100256, pattern: .cl100k(digits: 3, keepsTrailingSpace: true),
        special: [
          ("<|endoftext|>", 100257), ("<|fim_prefix|>", 100258), ("<|fim_middle|>", 100259),
          ("<|fim_suffix|>", 100260), ("<|endofprompt|>", 100276),
        ], end: "<|endoftext|>"),
      Encoding(
        name: "o200k_base", ranks: 199998, pattern: .o200k,
        special: [("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)], end: "<|endoftext|>"),
      Encoding(
        name: "llama3", ranks: 128000, pattern: .cl100k(digits: 3, keepsTrailingSpace: false),
        special: llama3, end: "<|end_of_text|>"),
    ]

    private static let llama3: [(text: String, id: Int32)] = {
      let named: [Int32: String] = [
        0: "<|begin_of_text|>", 1: "<|end_of_text|>", 6: "<|start_header_id|>", 7: "<|end_header_id|>",
        9: "<|eot_id|>",
      ]
      var reserved = 0
      return (Int32(0)..<256).map { offset in
        if let name = named[offset] { return (name, 128000 + offset) }
        defer { reserved += 1 }
        return ("<|reserved_special_token_\(reserved)|>", 128000 + offset)
      }
    }()
  }

  func load(
    _ bytes: [UInt8], known: [Encoding] = Encoding.known
  ) throws(TokenizerFailure) -> ByteLevelBPE {
    let tokens = try tokens(bytes)
    guard let encoding = known.first(where: { $0.ranks == tokens.count }) else {
      let known = known.map { "\($0.ranks) (\($0.name))" }.joined(separator: ", ")
      throw TokenizerFailure(
        source, "got \(tokens.count) ranks, expected \(known); the file is damaged or of an unknown encoding")
    }
    let vocabulary = try Vocabulary(tokens, source: source)
    var parts = ByteLevelParts(
      vocabulary: vocabulary, merges: Self.merges(vocabulary),
      pretokenizer: Pretokenizer(encoding.pattern),
      added: encoding.special.map {
        AddedTokens.Token(text: Array($0.text.utf8), id: $0.id, isSpecial: true)
      }, prefersWholePieces: true)
    parts.findEnds(DocumentEnds(end: encoding.end))
    return try ByteLevelBPE(parts, source: source)
  }

  private func tokens(_ bytes: [UInt8]) throws(TokenizerFailure) -> [(bytes: [UInt8], id: Int)] {
    var tokens: [(bytes: [UInt8], id: Int)] = []
    for (number, line) in bytes.split(separator: 0x0A).enumerated() {
      let fields = line.split(separator: 0x20)
      guard fields.count == 2, let token = Base64.decode(fields[0]), !token.isEmpty,
        let rank = Int(String(decoding: fields[1].filter { $0 != 0x0D }, as: UTF8.self))
      else {
        let text = String(decoding: line.prefix(40), as: UTF8.self)
        throw TokenizerFailure(
          source, "line \(number + 1) is \"\(text)\", expected a token in base 64 and its rank")
      }
      tokens.append((token, rank))
    }
    return tokens
  }

  /// Every way to cut a token into two tokens.
  static func merges(_ vocabulary: Vocabulary) -> MergeTable {
    var found: [(left: Int32, right: Int32, id: Int32)] = []
    for id in Int32(0)..<Int32(vocabulary.count) {
      guard let bytes = vocabulary.bytes(of: id), bytes.count > 1 else { continue }
      let span = bytes.span
      for cut in 1..<bytes.count {
        guard let left = vocabulary.id(of: span, in: 0..<cut),
          let right = vocabulary.id(of: span, in: cut..<bytes.count)
        else { continue }
        found.append((left, right, id))
      }
    }
    var table = MergeTable(expecting: found.count)
    for merge in found { table.add(merge.left, merge.right, rank: Int(merge.id), makes: merge.id) }
    return table
  }
}
