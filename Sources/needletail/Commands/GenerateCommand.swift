import ArgumentParser
import Generation
import Synchronization
import Telemetry
import Tokenizers
import Training

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text with a model, token by token.",
    discussion: """
      needletail generate runs/demo --prompt "To install a package" --tokens 100 --temperature 0.8 --top-p 0.95
      """)

  @Argument(help: "A model's directory, or a run's (its finished model, else its newest checkpoint).")
  var model: String

  @Option(help: "The text to continue; - reads it from standard input.")
  var prompt: String

  @Option(help: "How many tokens to write at most.")
  var tokens = 128

  @Option(help: "Divides the logits before sampling; 0 always takes the most likely token.")
  var temperature = 1.0

  @Option(help: "Sample among this many of the most likely tokens; 0: all.")
  var topK = 0

  @Option(help: "Sample among the most likely tokens that have this much probability together.")
  var topP = 1.0

  @Option(help: "Seed of the sampling: the same seed writes the same text.")
  var seed: UInt64 = 0

  @Option(help: "The tokenizer, where the model's directory holds none.", completion: .file())
  var tokenizer: String?

  @Option(help: "Worker threads; by default one for each processor.")
  var threads: Int?

  @Flag(help: "Go on behind the token that ends a document.")
  var ignoreEnd = false

  func run() throws {
    var options = SamplingOptions()
    options.temperature = temperature
    options.topK = topK
    options.topP = topP
    options.seed = seed
    if let problem = options.problem { throw ValidationError(problem.sentence) }
    guard tokens > 0 else { throw ValidationError("--tokens must be positive, got \(tokens)") }

    let loaded = try LoadedModel(model, tokenizer: tokenizer, threads: threads)
    let text = prompt == "-" ? StandardInput.readAll() : Array(prompt.utf8)
    var ids = loaded.tokenizer.opening + loaded.tokenizer.encode(text)
    if ids.isEmpty, let start = loaded.tokenizer.endOfText ?? loaded.tokenizer.beginningOfText {
      ids = [start]
    }
    guard !ids.isEmpty else {
      throw ValidationError("the prompt is empty and the tokenizer has no start token")
    }

    let terminal = Terminal.standardOutput
    terminal.write(String(decoding: text, as: UTF8.self))
    let stream = TextStream(loaded.tokenizer, isContinued: !text.isEmpty)
    var written = 0
    let start = ContinuousClock.now
    let engine = Engine(loaded.model.config)
    var request = GenerationRequest(
      prompt: ids, maximumTokens: min(tokens, loaded.model.config.context - ids.count))
    request.sampling = options
    let out = Mutex((stream, 0))
    _ = try engine.submit(request) { event in
      guard case .token(_, let score) = event else { return }
      out.withLock {
        $0.1 += 1; terminal.write($0.0.append(score.id))
      }
    }
    engine.run(ModelRunner(loaded.model, pageCount: 64), untilIdle: true)
    written = out.withLock { $0.1 }
    terminal.write("\n")
    let seconds = (ContinuousClock.now - start).seconds
    Terminal.standardError.writeLine(
      "\(written) tokens in \(Brief.fixed(seconds, 2)) s, prompt of \(ids.count) included: "
        + "\(Brief.count(Double(written) / max(seconds, 1e-9))) tokens/s")
  }
}
