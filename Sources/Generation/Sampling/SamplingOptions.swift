/// How a request chooses its tokens. The steps are taken in this order: penalties, bias, temperature, top-k, top-p,
/// min-p, draw.
package struct SamplingOptions: Sendable, Equatable {
  /// Divides the logits; 0 takes the most likely token.
  package var temperature = 1.0
  /// Considers the k most likely tokens only; 0: all.
  package var topK = 0
  /// Considers the smallest set of tokens with at least this probability together (Holtzman et al. 2020).
  package var topP = 1.0
  /// Considers tokens with at least this share of the most likely one's probability (Nguyen et al. 2024).
  package var minP = 0.0
  /// Divides positive logits of tokens that stand in the text already, multiplies negative ones (Keskar et al. 2019).
  package var repetitionPenalty = 1.0
  /// Taken from the logit of a token that was written at least once (OpenAI).
  package var presencePenalty = 0.0
  /// Taken from the logit of a token for each time it was written (OpenAI).
  package var frequencyPenalty = 0.0
  /// Added to the logits of tokens.
  package var logitBias: [Int32: Float] = [:]
  /// The n-th token of a request depends on (seed, choice, n) and the logits alone.
  package var seed: UInt64 = 0

  package init() {}

  /// What is wrong with the options: which, by the name that OpenAI's API gives it, and a sentence; nil: nothing.
  package var problem: (parameter: String, sentence: String)? {
    func outside(_ name: String, _ range: String, _ got: Double) -> (String, String) {
      (name, "\(name) must lie in \(range), got \(got)")
    }
    if !(temperature >= 0 && temperature <= 100) { return outside("temperature", "0 ... 100", temperature) }
    if topK < 0 { return ("top_k", "top_k must be 0 (all tokens) or positive, got \(topK)") }
    if !(topP > 0 && topP <= 1) { return outside("top_p", "(0, 1]", topP) }
    if !(minP >= 0 && minP <= 1) { return outside("min_p", "0 ... 1", minP) }
    if !(repetitionPenalty > 0 && repetitionPenalty <= 100) {
      return outside("repetition_penalty", "(0, 100]", repetitionPenalty)
    }
    if !(-2...2).contains(presencePenalty) { return outside("presence_penalty", "−2 ... 2", presencePenalty) }
    if !(-2...2).contains(frequencyPenalty) {
      return outside("frequency_penalty", "−2 ... 2", frequencyPenalty)
    }
    if let (id, bias) = logitBias.first(where: { !(-100...100).contains($0.value) }) {
      return ("logit_bias", "logit_bias of token \(id) must lie in −100 ... 100, got \(bias)")
    }
    return nil
  }
}
