import Tensors

/// What is taken from the logits of tokens that stand in the text already.
///
/// The repetition penalty counts the prompt as text, as transformers does; the presence and frequency penalties count
/// what was written only, as OpenAI and vLLM do.
struct Penalties: Sendable {
  private let repetition, presence, frequency: Float
  /// Tokens of the text, each once, in the order in which they came.
  private var tokens: [Token] = []
  private var places: [Int32: Int] = [:]

  private struct Token {
    let id: Int32
    /// How many times it was written; 0: it stands in the prompt only.
    var count = 0
  }

  init(_ options: SamplingOptions, prompt: [Int32]) {
    repetition = Float(options.repetitionPenalty)
    presence = Float(options.presencePenalty)
    frequency = Float(options.frequencyPenalty)
    guard repetition != 1 else { return }
    for id in prompt { _ = place(of: id) }
  }

  var isEmpty: Bool { repetition == 1 && presence == 0 && frequency == 0 }

  /// Takes note of a token that was written.
  mutating func note(_ id: Int32) {
    if !isEmpty { tokens[place(of: id)].count += 1 }
  }

  private mutating func place(of id: Int32) -> Int {
    if let place = places[id] { return place }
    places[id] = tokens.count
    tokens.append(Token(id: id))
    return tokens.count - 1
  }

  /// Ids beyond the vocabulary are passed over.
  func apply(to logits: Tensor) {
    for token in tokens where 0 <= token.id && Int(token.id) < logits.count {
      var logit = logits[Int(token.id)]
      logit = logit < 0 ? logit * repetition : logit / repetition
      if token.count > 0 { logit -= frequency * Float(token.count) + presence }
      logits[Int(token.id)] = logit
    }
  }
}
