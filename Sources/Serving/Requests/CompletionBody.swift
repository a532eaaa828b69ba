import JSON

/// What `POST /v1/completions` is asked.
struct CompletionBody {
  var model: String?
  var prompts: [TextInput]
  /// 0: the prompt is only scored, or echoed.
  var maximumTokens: Int
  /// How many of the likeliest tokens are named beside each.
  var alternatives: Int?
  var echoes: Bool
  /// Whether the tokenizer's opening stands before prompts that are text.
  var addsOpening: Bool
  var shared: SamplingFields

  init(_ value: JSONValue, limits: RequestLimits, vocabulary: Int) throws(APIError) {
    let fields = try JSONFields(value)
    model = try fields.string("model")
    prompts = try TextInput.read("prompt", fields, limits: limits, vocabulary: vocabulary)
    shared = try SamplingFields(fields, limits: limits, vocabulary: vocabulary)
    maximumTokens = try fields.integer("max_tokens", in: 0 ... .max) ?? 16
    alternatives = try fields.integer("logprobs", in: 0...20)
    echoes = try fields.bool("echo") ?? false
    addsOpening = try fields.bool("add_special_tokens") ?? true
    if let best = try fields.integer("best_of", in: 1...limits.choices), best != shared.choices {
      throw .invalid(
        "best_of must be n (\(shared.choices)) or left out, got \(best)", parameter: "best_of",
        code: "unsupported_value")
    }
    if let suffix = try fields.string("suffix"), !suffix.isEmpty {
      throw .invalid(
        "suffix is not supported: leave it out", parameter: "suffix", code: "unsupported_value")
    }
    guard prompts.count * shared.choices <= limits.totalChoices else {
      throw .invalid(
        "\(prompts.count) prompts with n = \(shared.choices) are \(prompts.count * shared.choices) choices, "
          + "expected at most \(limits.totalChoices)", parameter: "n")
    }
  }
}
