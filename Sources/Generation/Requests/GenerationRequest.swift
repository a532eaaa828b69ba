/// What is asked of a model: to continue a prompt, once or several times.
package struct GenerationRequest: Sendable {
  /// Token ids, at least one.
  package var prompt: [Int32]
  /// Tokens written at most, by each choice; 0 only scores the prompt.
  package var maximumTokens: Int
  /// How many times the prompt is continued.
  package var choices = 1
  package var sampling = SamplingOptions()
  /// Tokens that end a choice; they are not given out.
  package var stops: Set<Int32> = []
  /// How many of the likeliest tokens are named beside each token written; nil: not even its own log-probability is
  /// wanted.
  package var alternatives: Int?
  /// The same of each token of the prompt.
  package var promptAlternatives: Int?

  package init(prompt: [Int32], maximumTokens: Int) {
    self.prompt = prompt
    self.maximumTokens = maximumTokens
  }
}

/// A token and how likely it was, before sampling changed the logits.
package struct TokenScore: Sendable, Equatable {
  package var id: Int32
  /// ln p, in nats; NaN where it was not asked for.
  package var logProbability: Double
  /// The likeliest tokens, likeliest first, of equals the lower id first. Where the token itself is among them, its
  /// log-probability is the same double.
  package var alternatives: [Alternative]

  package struct Alternative: Sendable, Equatable {
    package var id: Int32
    package var logProbability: Double

    package init(id: Int32, logProbability: Double) {
      self.id = id
      self.logProbability = logProbability
    }
  }

  package init(id: Int32, logProbability: Double = .nan, alternatives: [Alternative] = []) {
    self.id = id
    self.logProbability = logProbability
    self.alternatives = alternatives
  }
}

/// What becomes of a request, in order: its prompt has been read, tokens of its choices in turn, each choice's end.
package enum GenerationEvent: Sendable {
  /// How many of its tokens were found in the cache, and where they were asked for the scores of all but the first,
  /// which nothing predicts.
  case prompt(cached: Int, [TokenScore])
  case token(choice: Int, TokenScore)
  case end(choice: Int, GenerationEnd)
}

/// Why a choice ends.
package enum GenerationEnd: Sendable, Equatable {
  /// It has the tokens asked for, or the model's context is full.
  case length
  /// The model wrote one of the request's stop tokens.
  case stop(Int32)
  case cancelled
}
