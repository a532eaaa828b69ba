import Generation
import Tokenizers

/// What a request for text comes down to: prompts, how they are continued, and what is told of it.
struct Job {
  struct Prompt {
    var ids: [Int32]
    /// The text that an echo starts with.
    var text: String
    /// How many ids stand in front that are not of the text.
    var opening = 0
  }

  let model: ServedModel
  var prompts: [Prompt]
  /// Of each prompt.
  var choices: Int
  var sampling: SamplingOptions
  var stops: [String]
  /// Tokens that end a choice.
  var endTokens: Set<Int32>
  var maximumTokens: Int
  var alternatives: Int?
  var echoes = false
  var showsSpecials: Bool
  var streams: Bool
  var includesUsage: Bool
  /// The parameter that prompts come from, for messages.
  var source = "prompt"

  init(_ model: ServedModel, _ shared: SamplingFields, prompts: [Prompt], maximumTokens: Int) {
    self.model = model
    self.prompts = prompts
    choices = shared.choices
    sampling = shared.sampling
    stops = shared.stops
    endTokens = shared.ignoresEnd ? [] : model.stops
    self.maximumTokens = maximumTokens
    showsSpecials = shared.showsSpecials
    streams = shared.streams
    includesUsage = shared.includesUsage
  }

  var echoesScores: Bool { echoes && alternatives != nil }

  /// What the engine is asked, a prompt each.
  func requests() throws(APIError) -> [GenerationRequest] {
    var requests: [GenerationRequest] = []
    for prompt in prompts {
      guard !prompt.ids.isEmpty else {
        throw .invalid("a prompt is empty, expected at least one token", parameter: source)
      }
      let room = model.context - prompt.ids.count
      guard room >= min(maximumTokens, 1) else {
        throw .invalid(
          "the prompt has \(prompt.ids.count) tokens and the model's context is \(model.context): shorten the prompt",
          parameter: source, code: "context_length_exceeded")
      }
      var request = GenerationRequest(prompt: prompt.ids, maximumTokens: min(maximumTokens, room))
      request.choices = choices
      request.sampling = sampling
      // With an echo's scores the token that ends a choice is scored too, so it must come as a token.
      request.stops = echoesScores ? [] : endTokens
      request.alternatives = alternatives
      request.promptAlternatives = echoes ? alternatives : nil
      requests.append(request)
    }
    return requests
  }

  /// A prompt's choice before its first token.
  func progress(of prompt: Prompt) -> ChoiceProgress {
    ChoiceProgress(
      text: ChoiceText(model.tokenizer, stops: stops, hidden: showsSpecials ? [] : model.hidden),
      wantsScores: alternatives != nil, endTokens: echoesScores ? endTokens : [],
      start: echoes ? prompt.text.unicodeScalars.count : 0)
  }

  /// The prompt as the beginning of a choice's text; `scores` are of all its tokens but the first.
  func echo(of prompt: Prompt, scores: [TokenScore]?) -> ChoiceProgress.Delta {
    var delta = ChoiceProgress.Delta(text: prompt.text)
    guard let scores, let first = prompt.ids.first else { return delta }
    var text = ChoiceText(model.tokenizer, stops: [], isContinued: false)
    for (index, score) in ([TokenScore(id: first)] + scores).enumerated() {
      delta.scores.append(ChoiceProgress.Placed(score: score, offset: text.completed))
      if index >= prompt.opening { _ = text.append(score.id) }
    }
    return delta
  }
}
