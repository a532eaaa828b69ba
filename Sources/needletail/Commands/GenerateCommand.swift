import ArgumentParser
import Generation
import Synchronization
import Telemetry
import Tokenizers

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue texts with a model: one, as it is written, or a file of them.",
    discussion: """
      needletail generate runs/demo --prompt "To install a package" --tokens 100 --temperature 0.8 --top-p 0.95
      needletail generate runs/demo --input prompts.jsonl --output answers.jsonl --weights int8
      needletail generate runs/demo --input prompts.jsonl --output answers.jsonl --ranks 4 --tensor 2

      A line of the input is a JSON object with "prompt" (a text or token ids) or "messages" (a chat), and perhaps
      settings of its own: max_tokens, temperature, top_p, top_k, min_p, seed, n, stop. The output has the same
      lines in the same order, each with "completions" besides. A run that was stopped goes on where it stood.
      """)

  @Argument(help: "A model's directory, or a run's (its finished model, else its newest checkpoint).")
  var model: String

  @Option(help: "The text to continue; - reads it from standard input.")
  var prompt: String?

  @Option(help: "Instead: a file of prompts, JSONL.", completion: .file())
  var input: String?

  @Option(help: "Where the answers to --input go, JSONL.", completion: .file())
  var output: String?

  @Flag(help: "Go on behind the token that ends a document.")
  var ignoreEnd = false

  @Option(
    help: ArgumentHelp(
      "For messages: a template's file, or nemotron, chatml, llama2, llama3 or plain; by default the model's own.",
      valueName: "template"))
  var chatTemplate: String?

  @OptionGroup var sampling: SamplingArguments
  @OptionGroup var engine: EngineOptions

  func run() throws {
    switch (prompt, input, output) {
    case (let prompt?, nil, nil): try write(prompt)
    case (nil, let input?, let output?):
      let launch = try EngineLaunch(model, engine, allowsReplicas: true)
      try PromptRun(
        model: model, input: input, output: output, launch: launch, defaults: sampling.defaults,
        chat: try ModelChat(chatTemplate, directory: launch.named.trained.tokenizerPath),
        ignoresEnd: ignoreEnd, config: engine.config
      ).run()
    default:
      throw ValidationError("expected --prompt TEXT, or --input FILE and --output FILE")
    }
  }

  /// One text, shown as it is written.
  private func write(_ prompt: String) throws {
    let launch = try EngineLaunch(model, engine, allowsReplicas: false)
    let (tokenizer, config) = (launch.named.tokenizer, launch.named.trained.config)
    let text = prompt == "-" ? StandardInput.readAll() : Array(prompt.utf8)
    var ids = tokenizer.opening + tokenizer.encode(text)
    if ids.isEmpty, let start = tokenizer.endOfText ?? tokenizer.beginningOfText { ids = [start] }
    guard !ids.isEmpty else {
      throw ValidationError("the prompt is empty and the tokenizer has no start token")
    }
    guard ids.count < config.context else {
      throw ValidationError(
        "the prompt has \(ids.count) tokens, the model's context is \(config.context): shorten it to leave room"
      )
    }
    var request = GenerationRequest(
      prompt: ids, maximumTokens: min(sampling.tokens, config.context - ids.count))
    request.sampling = sampling.options
    if !ignoreEnd { request.stops = try launch.named.stops() }
    let isFirst = launch.isFirst, settings = engine.config
    if isFirst { Terminal.standardOutput.write(String(decoding: text, as: UTF8.self)) }
    let written = Mutex(
      (text: ChoiceText(tokenizer, stops: sampling.stop, isContinued: !text.isEmpty), count: 0))
    let start = ContinuousClock.now
    let asked = request
    try launch.run { rank, runner in
      let generation = Engine(config, settings)
      let ticket = Mutex<(any GenerationTicket)?>(nil)
      let own = try generation.submit(asked) { event in
        written.withLock { state in
          switch event {
          case .token(_, let score):
            state.count += 1
            Terminal.standardOutput.write(state.text.append(score.id))
            if state.text.isStopped { ticket.withLock { $0?.cancel() } }
          case .end: Terminal.standardOutput.write(state.text.finish() + "\n")
          case .prompt: break
          }
        }
      }
      ticket.withLock { $0 = own }
      generation.run(runner, untilIdle: true)
    }
    guard isFirst else { return }
    let seconds = (ContinuousClock.now - start).seconds, count = written.withLock { $0.count }
    Terminal.standardError.writeLine(
      "\(count) tokens in \(Brief.fixed(seconds, 2)) s, loading and a prompt of \(ids.count) included")
  }
}

extension NamedModel {
  /// Tokens that end a text, by the tokenizer and by the files beside the weights.
  func stops() throws -> Set<Int32> { Set(try trained.endIDs() + [tokenizer.endOfText].compactMap(\.self)) }
}
