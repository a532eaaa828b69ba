import JSON

/// Finds the ids that a tokenizer's files ask to put in front of every text.
struct OpeningReader {
  let source: String

  /// From the `post_processor` of `tokenizer.json`: what stands before the text in the template of a single
  /// text. Beside it, `add_bos_token` of `tokenizer_config.json` says nothing (transformers 5).
  func read(
    postProcessor: JSONValue?, of tokenizer: any Tokenizer
  ) throws(TokenizerFailure) -> [Int32] {
    let ids = try ids(postProcessor)
    if let id = ids.first(where: { tokenizer.token($0) == nil }) {
      throw TokenizerFailure(
        source, "the post-processor puts token \(id) before a text, expected an id of the vocabulary")
    }
    return ids
  }

  private func ids(_ processor: JSONValue?) throws(TokenizerFailure) -> [Int32] {
    guard let processor else { return [] }
    switch processor["type"]?.text {
    case "Sequence":
      var ids: [Int32] = []
      // Each stage puts its own in front of what the stages before it made.
      for stage in processor["processors"]?.elements ?? [] { ids = try self.ids(stage) + ids }
      return ids
    case "RobertaProcessing", "BertProcessing":
      guard case .array(let pair) = processor["cls"], pair.count == 2 else { throw damaged("cls") }
      return [try id(pair[1], "cls")]
    case "TemplateProcessing":
      var ids: [Int32] = []
      for part in processor["single"]?.elements ?? [] {
        guard let name = part["SpecialToken"]?["id"]?.text else { break }
        let token = processor["special_tokens"]?[name]
        for element in token?["ids"]?.elements ?? [] {
          ids.append(try id(element, name))
        }
      }
      return ids
    default: return []
    }
  }

  private func id(_ value: JSONValue, _ name: String) throws(TokenizerFailure) -> Int32 {
    guard let id = value.integer, id >= 0, id < Vocabulary.mostIds else { throw damaged(name) }
    return Int32(id)
  }

  private func damaged(_ name: String) -> TokenizerFailure {
    TokenizerFailure(
      source,
      "the post-processor's token \"\(name)\" has no id that a vocabulary can have; the file is damaged")
  }
}
