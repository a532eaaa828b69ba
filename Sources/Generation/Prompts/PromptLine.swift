import JSON

/// A line of a file of prompts: a JSON object with `prompt`, a text or token ids, or with `messages`, and perhaps with
/// settings of its own, named as in OpenAI's API. What else it has is passed through.
package struct PromptLine: Sendable {
  package enum Content: Sendable {
    case text(String)
    case ids([Int32])
    case messages([JSONValue])
  }

  package let content: Content
  /// The line's own settings over those that hold for all.
  package var sampling: SamplingOptions
  package var maximumTokens: Int
  package var choices: Int
  package var stops: [String]

  /// What holds where a line says nothing.
  package struct Defaults: Sendable {
    package var sampling = SamplingOptions()
    package var maximumTokens = 128
    package var choices = 1
    package var stops: [String] = []

    package init() {}
  }

  /// What is wrong with a line.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
  }

  /// - Parameter source: where the line is, for messages.
  package init(_ json: [UInt8], defaults: Defaults, source: String) throws(Failure) {
    func failure(_ sentence: String) -> Failure { Failure(description: "\(source): \(sentence)") }
    let value: JSONValue
    do { value = try JSONParser.parse(json, .lenient) } catch {
      throw failure("not valid JSON: got \(error.got) at byte \(error.position), expected \(error.expected)")
    }
    guard case .object = value else {
      throw failure("is not a JSON object, expected one with prompt or messages")
    }
    if value["completions"] != nil {
      throw failure("has completions already: it is an output, expected prompts")
    }
    content = try Self.content(value, failure)

    func number(_ key: String, _ initial: Double) throws(Failure) -> Double {
      guard let given = value[key], !given.isNull else { return initial }
      guard let number = given.number else { throw failure("\(key) is not a number") }
      return number
    }
    func integer(_ key: String, _ initial: Int) throws(Failure) -> Int {
      guard let given = value[key], !given.isNull else { return initial }
      guard let integer = given.integer else { throw failure("\(key) is not a whole number") }
      return integer
    }
    var sampling = defaults.sampling
    sampling.temperature = try number("temperature", sampling.temperature)
    sampling.topP = try number("top_p", sampling.topP)
    sampling.topK = try integer("top_k", sampling.topK)
    sampling.minP = try number("min_p", sampling.minP)
    sampling.repetitionPenalty = try number("repetition_penalty", sampling.repetitionPenalty)
    sampling.presencePenalty = try number("presence_penalty", sampling.presencePenalty)
    sampling.frequencyPenalty = try number("frequency_penalty", sampling.frequencyPenalty)
    sampling.seed = UInt64(bitPattern: Int64(try integer("seed", Int(Int64(bitPattern: sampling.seed)))))
    self.sampling = sampling
    maximumTokens = try integer("max_tokens", defaults.maximumTokens)
    choices = try integer("n", defaults.choices)
    guard (1...1024).contains(choices) else { throw failure("n must lie in 1 ... 1024, got \(choices)") }
    guard maximumTokens >= 0 else { throw failure("max_tokens must be 0 or positive, got \(maximumTokens)") }
    switch value["stop"] {
    case nil, .null: stops = defaults.stops
    case .string(let text): stops = [text]
    case .array(let texts):
      stops = texts.compactMap(\.text)
      guard stops.count == texts.count else { throw failure("stop is not a string or a list of strings") }
    default: throw failure("stop is not a string or a list of strings")
    }
  }

  private static func content(
    _ value: JSONValue, _ failure: (String) -> Failure
  ) throws(Failure) -> Content {
    switch (value["prompt"], value["messages"]) {
    case (.string(let text)?, nil): return .text(text)
    case (.array(let elements)?, nil):
      var ids: [Int32] = []
      for element in elements {
        guard case .integer(let id) = element, let id = Int32(exactly: id) else {
          throw failure("prompt is a list of something else than token ids")
        }
        ids.append(id)
      }
      return .ids(ids)
    case (nil, .array(let messages)?):
      guard messages.allSatisfy({ $0["role"]?.text != nil }) else {
        throw failure("messages has an element without a role, expected {\"role\": …, \"content\": …}")
      }
      return .messages(messages)
    default: throw failure("expected either prompt, a text or token ids, or messages, a list")
    }
  }
}
