import Generation

/// The parameters that completions and chat completions share.
struct SamplingFields {
  var sampling = SamplingOptions()
  var choices = 1
  var stops: [String] = []
  var ignoresEnd = false
  var showsSpecials = false
  var streams = false
  /// Whether a stream ends with a chunk of token counts.
  var includesUsage = false

  init(_ fields: JSONFields, limits: RequestLimits, vocabulary: Int) throws(APIError) {
    sampling.temperature = try fields.number("temperature") ?? sampling.temperature
    sampling.topP = try fields.number("top_p") ?? sampling.topP
    // vLLM's −1 means all tokens, like 0.
    sampling.topK = max(0, try fields.integer("top_k", in: -1 ... .max) ?? sampling.topK)
    sampling.minP = try fields.number("min_p") ?? sampling.minP
    sampling.repetitionPenalty = try fields.number("repetition_penalty") ?? sampling.repetitionPenalty
    sampling.presencePenalty = try fields.number("presence_penalty") ?? sampling.presencePenalty
    sampling.frequencyPenalty = try fields.number("frequency_penalty") ?? sampling.frequencyPenalty
    sampling.logitBias = try Self.bias(fields, vocabulary: vocabulary)
    if let problem = sampling.problem { throw .invalid(problem.sentence, parameter: problem.parameter) }
    if let seed = try fields.integer("seed", in: .min ... .max) {
      sampling.seed = UInt64(bitPattern: Int64(seed))
    } else {
      sampling.seed = .random(in: .min ... .max)
    }
    choices = try fields.integer("n", in: 1...limits.choices) ?? 1
    stops = try Self.stops(fields, limits: limits)
    ignoresEnd = try fields.bool("ignore_eos") ?? false
    showsSpecials = try fields.bool("skip_special_tokens") == false
    streams = try fields.bool("stream") ?? false
    includesUsage = try fields.object("stream_options")?.bool("include_usage") ?? false
    _ = try fields.string("user")
  }

  private static func bias(_ fields: JSONFields, vocabulary: Int) throws(APIError) -> [Int32: Float] {
    guard let value = fields["logit_bias"] else { return [:] }
    guard case .object(let members) = value else {
      throw fields.wrong("logit_bias", "an object of token ids and numbers", value)
    }
    let entries = try JSONFields(value, path: "logit_bias")
    var bias: [Int32: Float] = [:]
    for member in members {
      guard let id = Int32(member.key), id >= 0, id < vocabulary else {
        throw .invalid(
          "logit_bias has the key \(member.key.prefix(40).debugDescription), expected token ids from 0 to "
            + "\(vocabulary - 1)", parameter: "logit_bias")
      }
      guard let amount = try entries.number(member.key) else {
        throw .invalid("logit_bias of token \(id) must be a number, got null", parameter: "logit_bias")
      }
      bias[id] = Float(amount)
    }
    return bias
  }

  private static func stops(_ fields: JSONFields, limits: RequestLimits) throws(APIError) -> [String] {
    var stops: [String] = []
    switch fields["stop"] {
    case nil: return []
    case .string(let text): stops = [text]
    case .array(let elements):
      guard elements.count <= limits.stops else {
        throw .invalid(
          "stop has \(elements.count) strings, expected at most \(limits.stops)", parameter: "stop")
      }
      for (index, element) in elements.enumerated() {
        guard case .string(let text) = element else {
          throw .invalid("stop[\(index)] must be a string, got \(element.kind)", parameter: "stop[\(index)]")
        }
        stops.append(text)
      }
    case .some(let value): throw fields.wrong("stop", "a string or an array of strings", value)
    }
    for count in stops.map(\.unicodeScalars.count) where count > limits.stopCharacters {
      throw .invalid(
        "a stop string has \(count) characters, expected at most \(limits.stopCharacters)", parameter: "stop")
    }
    // An empty string ends nothing.
    return stops.filter { !$0.isEmpty }
  }
}
