import ArgumentParser
import Generation

/// How a command chooses tokens.
struct SamplingArguments: ParsableArguments {
  @Option(help: "How many tokens to write at most.")
  var tokens = 128

  @Option(help: "Divides the logits before sampling; 0 always takes the most likely token.")
  var temperature = 1.0

  @Option(help: "Sample among this many of the most likely tokens; 0: all.")
  var topK = 0

  @Option(help: "Sample among the most likely tokens that have this much probability together.")
  var topP = 1.0

  @Option(help: "Sample among tokens with at least this share of the most likely one's probability.")
  var minP = 0.0

  @Option(help: "Above 1: tokens that stand in the text become less likely.")
  var repetitionPenalty = 1.0

  @Option(help: "Seed of the sampling: the same seed writes the same text.")
  var seed: UInt64 = 0

  @Option(parsing: .upToNextOption, help: "Texts that end what is written, and are not written.")
  var stop: [String] = []

  func validate() throws {
    guard tokens > 0 else { throw ValidationError("--tokens must be positive, got \(tokens)") }
    if let problem = options.problem { throw ValidationError(problem.sentence) }
  }

  var options: SamplingOptions {
    var options = SamplingOptions()
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.minP = minP
    options.repetitionPenalty = repetitionPenalty
    options.seed = seed
    return options
  }

  var defaults: PromptLine.Defaults {
    var defaults = PromptLine.Defaults()
    defaults.sampling = options
    defaults.maximumTokens = tokens
    defaults.stops = stop
    return defaults
  }
}
