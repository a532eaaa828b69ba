/// A text that is being read and written: a choice of a request. Before the prompt is read, one text stands for all.
final class ActiveText {
  let owner: ActiveRequest
  /// Which of the request's choices; the first of them while one text stands for all.
  let choice: Int
  /// Choices that begin when the prompt has been read.
  var unborn: Range<Int>
  /// The prompt and what was written.
  private(set) var tokens: [Int32]
  /// Of them, those whose keys and values are in pages.
  var computed = 0
  var pages: [Int32] = []
  /// Of the pages, those that are known by their tokens, and where the last of them stands.
  var knownPages = 0
  var place = PagePool.Place.root
  var sampler: Sampler
  /// Of the prompt, what was found in the cache when it was begun with; nil before.
  var cachedCount: Int?
  /// Scores of the prompt's tokens from the second on.
  var promptScores: [TokenScore] = []
  /// Sum of the prompt's last hidden states.
  var hiddenSum: [Float] = []
  /// Of the prompt, those in the sum.
  var hiddenCount = 0

  /// A text that stands for all choices.
  init(_ owner: ActiveRequest) {
    self.owner = owner
    let request = owner.request
    choice = 0
    unborn = 1..<max(1, request.choices)
    tokens = request.prompt
    sampler = Sampler(
      request.sampling, choice: 0, prompt: request.prompt, alternatives: request.alternatives)
  }

  /// A choice that begins where `parent` has read the prompt; it shares the parent's pages, which the caller counts.
  init(_ parent: ActiveText, choice: Int) {
    owner = parent.owner
    self.choice = choice
    unborn = 0..<0
    tokens = parent.tokens
    computed = parent.computed
    pages = parent.pages
    knownPages = parent.knownPages
    place = parent.place
    promptScores = parent.promptScores
    let request = owner.request
    sampler = Sampler(
      request.sampling, choice: choice, prompt: request.prompt, alternatives: request.alternatives)
  }

  var promptCount: Int { owner.request.prompt.count }
  var writtenCount: Int { tokens.count - promptCount }
  var uncomputed: Int { tokens.count - computed }

  func append(_ id: Int32) { tokens.append(id) }

  /// How many tokens may be taken from pages that are already there: the last is always computed, and so is every one
  /// whose scores or hidden states are still wanted.
  var matchLimit: Int {
    if owner.onHidden != nil { return hiddenCount }
    guard owner.request.promptAlternatives != nil, promptScores.count < promptCount - 1 else {
      return tokens.count - 1
    }
    return promptScores.count
  }

  /// Positions of the prompt below `end` whose logits are still wanted.
  func unscored(below end: Int) -> Range<Int> {
    guard owner.request.promptAlternatives != nil else { return 0..<0 }
    let first = max(computed, promptScores.count), last = min(end, promptCount - 1)
    return first..<max(first, last)
  }

  func unsummed(below end: Int) -> Range<Int> {
    guard owner.onHidden != nil else { return 0..<0 }
    let first = max(computed, hiddenCount)
    return first..<max(first, end)
  }
}
