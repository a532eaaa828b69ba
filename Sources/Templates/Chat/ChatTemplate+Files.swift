extension ChatTemplate {
  private static let tokenNames = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// The template of a model's directory, from the bytes of `tokenizer_config.json` and of
  /// `chat_template.jinja`, which wins; nil where neither holds one. Special tokens are the configuration's.
  package static func read(
    tokenizerConfig: [UInt8]?, jinja: [UInt8]?
  ) throws(TemplateFailure) -> ChatTemplate? {
    let file = "tokenizer_config.json"
    let configuration = try tokenizerConfig.map { bytes throws(TemplateFailure) in
      try TemplateValue(json: bytes, source: file)
    }
    var tokens: [String: String] = [:]
    for name in tokenNames {
      let value = configuration?[name]
      tokens[name] = value?.text ?? value?["content"]?.text
    }
    if let jinja {
      return try read(String(decoding: jinja, as: UTF8.self), tokens, file: "chat_template.jinja")
    }
    guard let value = configuration?["chat_template"], value != .none else { return nil }
    guard let source = value.text ?? named("default", in: value) else {
      throw TemplateFailure(
        source: file,
        "chat_template is neither a string nor a list of named templates with one called default")
    }
    return try read(source, tokens, file: file)
  }

  private static func named(_ name: String, in value: TemplateValue) -> String? {
    value.elements?.first { $0["name"]?.text == name }?["template"]?.text
  }

  private static func read(
    _ source: String, _ tokens: [String: String], file: String
  ) throws(TemplateFailure) -> ChatTemplate {
    do throws(TemplateFailure) {
      return try ChatTemplate(source: source, otherTokens: tokens)
    } catch {
      throw TemplateFailure(source: file, line: error.line, error.reason)
    }
  }
}
