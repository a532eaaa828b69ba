import JSON

/// Recognises the `pre_tokenizer` of a `tokenizer.json`.
struct PretokenizerReader {
  let source: String

  struct Stage {
    var pretokenizer: Pretokenizer
    var addsPrefixSpace: Bool
  }

  /// The regular expressions that published byte-level tokenizers use, as their files spell them.
  private static let known: [(regex: String, pattern: Pretokenizer.Pattern)] = [
    (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
    (cl100k(#"\p{N}{1,3}"#), .cl100k(digits: 3, keepsTrailingSpace: false)),
    (cl100k(#"\p{N}"#), .cl100k(digits: 1, keepsTrailingSpace: false)),
    (
      #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|"#
        + #"\s+(?!\S)|\s+"#, .cl100k(digits: 3, keepsTrailingSpace: false)
    ),
    (openAI, .cl100k(digits: 3, keepsTrailingSpace: true)),
    (o200k, .o200k),
  ]

  /// cl100k as OpenAI's `tiktoken` spells it.
  static let openAI =
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"#
    + #"\s*[\r\n]|\s+(?!\S)|\s"#

  static func cl100k(_ digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  static let o200k =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
    + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"#
    + #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"#
    + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The regular expression that stands for `pattern` in a file we write; nil where `ByteLevel` has it.
  static func regex(_ pattern: Pretokenizer.Pattern) -> String? {
    switch pattern {
    case .whole, .gpt2: nil
    case .cl100k(3, true): openAI
    case .cl100k(let digits, _): cl100k(digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#)
    case .o200k: o200k
    }
  }

  func read(_ json: JSONValue?) throws(TokenizerFailure) -> Stage {
    let stages: [JSONValue]
    if let json, json["type"]?.text == "Sequence" {
      stages = json["pretokenizers"]?.elements ?? []
    } else {
      stages = [json ?? .null]
    }
    var pattern = Pretokenizer.Pattern.whole
    var isolatesDigits = false
    var byteLevel: JSONValue?
    for stage in stages {
      guard byteLevel == nil else { throw failure("a stage behind ByteLevel") }
      switch stage["type"]?.text {
      case "ByteLevel": byteLevel = stage
      case "Split" where pattern == .whole: pattern = try self.pattern(split: stage)
      case "Digits" where stage["individual_digits"]?.bool == true && pattern == .whole:
        isolatesDigits = true
      default:
        throw failure("the pre-tokenizer \(stage["type"]?.text ?? stage.kind)")
      }
    }
    guard let byteLevel else { throw failure("a pre-tokenizer without ByteLevel") }
    if byteLevel["use_regex"]?.bool ?? true {
      guard pattern == .whole else { throw failure("two patterns, one after the other") }
      pattern = .gpt2
    }
    let addsPrefixSpace = byteLevel["add_prefix_space"]?.bool ?? true
    // Behind another stage it would add a space to each of that stage's pieces.
    guard !addsPrefixSpace || stages.count == 1 else {
      throw failure("ByteLevel with add_prefix_space behind another stage")
    }
    return Stage(
      pretokenizer: Pretokenizer(pattern, isolatesDigits: isolatesDigits), addsPrefixSpace: addsPrefixSpace)
  }

  private func pattern(split: JSONValue) throws(TokenizerFailure) -> Pretokenizer.Pattern {
    let regex = split["pattern"]?["Regex"]?.text ?? ""
    let inverted = split["invert"]?.bool ?? false
    // Matches cover any text, so what is kept is the same either way.
    guard split["behavior"]?.text == (inverted ? "Removed" : "Isolated") else {
      throw failure("a Split that drops or joins its matches")
    }
    guard let found = Self.known.first(where: { $0.regex == regex }) else {
      throw failure("the unknown pattern \(regex)")
    }
    return found.pattern
  }

  private func failure(_ got: String) -> TokenizerFailure {
    TokenizerFailure(
      source,
      "got \(got), expected ByteLevel, alone or behind Split with the pattern of GPT-2, cl100k, o200k, "
        + "Llama 3 or Qwen 2, or behind Digits")
  }
}
