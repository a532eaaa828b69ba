import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Chooses the next token from its logits.
package struct Sampler: Sendable {
  package struct Options: Sendable, Equatable {
    /// Divides the logits; 0 takes the most likely token.
    package var temperature = 1.0
    /// Considers the k most likely tokens only; 0: all.
    package var topK = 0
    /// Considers the smallest set of tokens with at least this probability together (Holtzman et al. 2020).
    package var topP = 1.0
    package var seed: UInt64 = 0

    package init() {}

    /// What is wrong with the options, or nil.
    package var problem: String? {
      if !(temperature >= 0 && temperature.isFinite) {
        return "the temperature must be 0 or a positive number, got \(temperature)"
      }
      if topK < 0 { return "top-k must be 0 (all tokens) or positive, got \(topK)" }
      if !(topP > 0 && topP <= 1) { return "top-p must lie in (0, 1], got \(topP)" }
      return nil
    }
  }

  private let options: Options
  private let key: RandomKey
  private var drawn = 0

  package init(_ options: Options) {
    self.options = options
    key = RandomKey(seed: options.seed)
  }

  /// The id of the next token. The n-th draw depends on (seed, n) and the logits alone.
  package mutating func next(_ logits: [Float]) -> Int32 {
    let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
    guard options.temperature > 0 else { return Int32(best) }
    var candidates = weights(logits, largest: logits[best])
    if options.topK > 0 {
      sort(&candidates)
      candidates.removeLast(max(0, candidates.count - options.topK))
    }
    if options.topP < 1 { keepNucleus(&candidates) }
    return draw(candidates)
  }

  private func weights(_ logits: [Float], largest: Float) -> [(id: Int32, weight: Double)] {
    logits.enumerated().map { id, logit in
      (Int32(id), exp(Double(logit - largest) / options.temperature))
    }
  }

  /// Likeliest first; of two alike, the smaller id.
  private func sort(_ candidates: inout [(id: Int32, weight: Double)]) {
    candidates.sort { $0.weight != $1.weight ? $0.weight > $1.weight : $0.id < $1.id }
  }

  private func keepNucleus(_ candidates: inout [(id: Int32, weight: Double)]) {
    let total = candidates.reduce(0) { $0 + $1.weight }
    // Tokens below the mean of what may be missing are together less than that, so none is in the nucleus: a
    // few are left to sort, not the vocabulary.
    let least = total * (1 - options.topP) / Double(candidates.count)
    candidates.removeAll { $0.weight < least }
    sort(&candidates)
    var sum = 0.0
    let last = candidates.firstIndex { candidate in
      sum += candidate.weight
      return sum >= total * options.topP
    }
    if let last { candidates.removeLast(candidates.count - last - 1) }
  }

  private mutating func draw(_ candidates: [(id: Int32, weight: Double)]) -> Int32 {
    let total = candidates.reduce(0) { $0 + $1.weight }
    let uniform = Double(key.at(drawn).value >> 11) * 0x1p-53
    drawn += 1
    var rest = uniform * total
    for candidate in candidates {
      rest -= candidate.weight
      if rest < 0 { return candidate.id }
    }
    return candidates.last?.id ?? 0
  }
}
