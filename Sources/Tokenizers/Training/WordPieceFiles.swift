import JSON

/// A trained WordPiece vocabulary as Hugging Face writes it.
struct WordPieceFiles {
  /// By id; the first ones are the special tokens.
  let tokens: [[UInt8]]
  let special: [String]
  let options: BertCharacters.Options

  func files() -> [String: [UInt8]] {
    [
      "tokenizer.json": json(), "tokenizer_config.json": configuration(),
      "vocab.txt": Array(tokens.joined(separator: [0x0A])) + [0x0A],
    ]
  }

  private func configuration() -> [UInt8] {
    let names = [("pad", "[PAD]"), ("unk", "[UNK]"), ("cls", "[CLS]"), ("sep", "[SEP]"), ("mask", "[MASK]")]
    let tokens = names.filter { special.contains($0.1) }.map { "  \"\($0.0)_token\": \"\($0.1)\",\n" }
    return Array(
      ("{\n\(tokens.joined())  \"do_lower_case\": \(options.lowercases),\n"
        + "  \"strip_accents\": \(options.stripsAccents),\n"
        + "  \"tokenize_chinese_chars\": \(options.isolatesIdeographs),\n"
        + "  \"tokenizer_class\": \"BertTokenizer\"\n}\n").utf8)
  }

  private func json() -> [UInt8] {
    var output = Array("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n".utf8)
    TokenizerJSON.appendAddedTokens(special, to: &output)
    output += Array(
      (",\n  \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": \(options.cleansText), "
        + "\"handle_chinese_chars\": \(options.isolatesIdeographs), \"strip_accents\": \(options.stripsAccents), "
        + "\"lowercase\": \(options.lowercases)},\n  \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},\n"
        + "  \"post_processor\": \(frame()),\n"
        + "  \"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true},\n"
        + "  \"model\": {\n    \"type\": \"WordPiece\",\n    \"unk_token\": \"[UNK]\",\n"
        + "    \"continuing_subword_prefix\": \"##\",\n    \"max_input_chars_per_word\": 100,\n"
        + "    \"vocab\": {").utf8)
    for (id, token) in tokens.enumerated() {
      output += Array((id == 0 ? "\n      " : ",\n      ").utf8)
      JSONWriter.append(token, to: &output)
      output += Array(": \(id)".utf8)
    }
    output += Array("\n    }\n  }\n}\n".utf8)
    return output
  }

  /// [CLS] A [SEP], and with a second text: [CLS] A [SEP] B [SEP].
  private func frame() -> String {
    guard let start = special.firstIndex(of: "[CLS]"), let end = special.firstIndex(of: "[SEP]") else {
      return "null"
    }
    func token(_ name: String, _ type: Int) -> String {
      "{\"SpecialToken\": {\"id\": \"\(name)\", \"type_id\": \(type)}}"
    }
    func text(_ name: String, _ type: Int) -> String {
      "{\"Sequence\": {\"id\": \"\(name)\", \"type_id\": \(type)}}"
    }
    func known(_ name: String, _ id: Int) -> String {
      "\"\(name)\": {\"id\": \"\(name)\", \"ids\": [\(id)], \"tokens\": [\"\(name)\"]}"
    }
    let single = [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)]
    let pair = single + [text("B", 1), token("[SEP]", 1)]
    return "{\"type\": \"TemplateProcessing\", \"single\": [\(single.joined(separator: ", "))], "
      + "\"pair\": [\(pair.joined(separator: ", "))], "
      + "\"special_tokens\": {\(known("[CLS]", start)), \(known("[SEP]", end))}}"
  }
}
