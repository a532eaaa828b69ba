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
    func name(_ key: StaticString) -> String? {
      configuration?[key]?.text ?? configuration?[key]?["content"]?.text
    }
    self.init(end: name("eos_token"), beginning: name("bos_token"))
  }

  /// Under which vocabularies know the end of a document, the surest first.
  static let endNames = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]"]
  static let beginningNames = ["<|begin_of_text|>", "<|startoftext|>", "<s>", "<bos>", "<|bos|>", "[BOS]"]
}
