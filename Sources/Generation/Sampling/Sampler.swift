import Tensors

/// Chooses the tokens of one choice of a request, a row of logits at a time.
///
/// The n-th token depends on (seed, choice, n), the logits and the text so far alone, on any number of threads. A copy
/// goes on where the original stood.
package struct Sampler: Sendable {
  private let options: SamplingOptions
  private let alternatives: Int?
  private let bias: LogitBias
  private let key: RandomKey
  private var penalties: Penalties
  /// Tokens chosen so far.
  private var count = 0

  /// - Parameters:
  ///   - choice: of the request's choices, which.
  ///   - prompt: what the repetition penalty counts as text.
  ///   - alternatives: how many of the likeliest tokens are named beside each token; nil: not even its own
  ///     log-probability is wanted.
  package init(_ options: SamplingOptions, choice: Int, prompt: [Int32], alternatives: Int?) {
    self.options = options
    self.alternatives = alternatives
    bias = LogitBias(options.logitBias)
    key = RandomKey(seed: options.seed).at("sample").at(choice)
    penalties = Penalties(options, prompt: prompt)
  }

  /// Chooses a token.
  ///
  /// A token whose logit is a NaN is never chosen. Where the largest logit is infinite, the first such token is; of a
  /// row without any number, id 0. The log-probability is a NaN then.
  ///
  /// - Parameter logits: [vocabulary]; penalties and bias may have changed them afterwards.
  package mutating func next(_ logits: Tensor) -> TokenScore {
    precondition(logits.count > 0 && logits.isContiguous, "a row of logits, got \(logits.shape)")
    let id = choose(changed(logits))
    penalties.note(id)
    count += 1
    guard let alternatives else { return TokenScore(id: id) }
    return TokenScore(id: id, logits: logits, alternatives: alternatives)
  }

  /// The logits after penalties and bias: the same tensor, unless it is still wanted as it is.
  func changed(_ logits: Tensor) -> Tensor {
    if penalties.isEmpty && bias.isEmpty { return logits }
    var changed = logits
    if alternatives != nil {
      changed = Tensor(uninitialized: logits.shape, on: logits.device)
      changed.copy(from: logits)
    }
    penalties.apply(to: changed)
    bias.add(to: changed)
    return changed
  }

  private func choose(_ logits: Tensor) -> Int32 {
    guard let largest = logits.largest else { return 0 }
    let likeliest = Int32(largest.index)
    guard options.temperature > 0, largest.value.isFinite else { return likeliest }
    return candidates(logits, largest: largest.value).draw(key.at(count).uniform) ?? likeliest
  }

  /// What there is to draw from, by logits after penalties and bias.
  func candidates(_ logits: Tensor, largest: Float) -> Candidates {
    var candidates = Candidates(logits, largest: largest, temperature: options.temperature)
    candidates.keepTop(options.topK)
    candidates.keepNucleus(options.topP)
    candidates.keepShare(options.minP)
    return candidates
  }
}
