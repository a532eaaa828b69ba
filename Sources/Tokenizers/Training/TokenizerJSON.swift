import JSON

/// A trained byte-level BPE as Hugging Face `tokenizers` writes it.
struct TokenizerJSON {
  /// By id; the first ones are the special tokens.
  let tokens: [[UInt8]]
  let special: [String]
  let merges: [(left: Int32, right: Int32)]
  let pretokenizer: Pretokenizer

  func bytes() -> [UInt8] {
    var output: [UInt8] = []
    output += Array("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n".utf8)
    Self.appendAddedTokens(special, to: &output)
    output += Array(",\n  \"normalizer\": null,\n  \"pre_tokenizer\": ".utf8)
    appendPretokenizer(to: &output)
    let byteLevel = Self.byteLevel(usesRegex: true)
    output += Array(",\n  \"post_processor\": null,\n  \"decoder\": \(byteLevel),\n  \"model\": {\n".utf8)
    output += Array(
      ("    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
        + "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n"
        + "    \"fuse_unk\": false,\n    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n").utf8)
    appendVocabulary(to: &output)
    appendMerges(to: &output)
    output += Array("\n  }\n}\n".utf8)
    return output
  }

  /// Special tokens under the first ids.
  static func appendAddedTokens(_ special: [String], to output: inout [UInt8]) {
    output += Array("  \"added_tokens\": [".utf8)
    for (id, name) in special.enumerated() {
      output += Array((id == 0 ? "\n" : ",\n").utf8)
      output += Array("    {\"id\": \(id), \"content\": ".utf8)
      JSONWriter.append(Array(name.utf8), to: &output)
      output += Array(
        (", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
          + "\"special\": true}").utf8)
    }
    output += Array("]".utf8)
  }

  private static func byteLevel(usesRegex: Bool) -> String {
    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": \(usesRegex)}"
  }

  private func appendPretokenizer(to output: inout [UInt8]) {
    guard let regex = PretokenizerReader.regex(pretokenizer.pattern) else {
      output += Array(Self.byteLevel(usesRegex: pretokenizer.pattern == .gpt2).utf8)
      return
    }
    output += Array(
      "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": ".utf8)
    JSONWriter.append(Array(regex.utf8), to: &output)
    output += Array(
      "}, \"behavior\": \"Isolated\", \"invert\": false}, \(Self.byteLevel(usesRegex: false))]}".utf8)
  }

  private func appendVocabulary(to output: inout [UInt8]) {
    output += Array("    \"vocab\": {".utf8)
    for (id, token) in tokens.enumerated() {
      output += Array((id == 0 ? "\n      " : ",\n      ").utf8)
      JSONWriter.append(id < special.count ? token : ByteAlphabet.gpt2.written(token), to: &output)
      output += Array(": \(id)".utf8)
    }
    output += Array("\n    },\n".utf8)
  }

  /// A pair that was merged twice keeps its later rank, as in Hugging Face's table.
  private func appendMerges(to output: inout [UInt8]) {
    var last: [PairCounts.Pair: Int] = [:]
    for (rank, merge) in merges.enumerated() { last[PairCounts.pair(merge.left, merge.right)] = rank }
    output += Array("    \"merges\": [".utf8)
    var isFirst = true
    for (rank, merge) in merges.enumerated() where last[PairCounts.pair(merge.left, merge.right)] == rank {
      output += Array((isFirst ? "\n      [" : ",\n      [").utf8)
      JSONWriter.append(ByteAlphabet.gpt2.written(tokens[Int(merge.left)]), to: &output)
      output += Array(", ".utf8)
      JSONWriter.append(ByteAlphabet.gpt2.written(tokens[Int(merge.right)]), to: &output)
      output += Array("]".utf8)
      isFirst = false
    }
    output += Array("]".utf8)
  }
}
