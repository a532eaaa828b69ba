import ArgumentParser
import Generation
import Planning
import Telemetry
import Tensors
import Training

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Time a recipe's training steps, or its model writing text, on random tokens.",
    discussion: """
      needletail benchmark Recipes/gpt2-124m.yaml --steps 5 --threads 2 --set training.global_batch=4 --json
      needletail benchmark Recipes/gpt2-124m.yaml --generate 64
      """)

  @OptionGroup var options: RecipeOptions

  @Option(help: "Timed steps, after two that warm up.")
  var steps = 5

  @Option(help: "Worker threads; by default the recipe's, else one for each processor.")
  var threads: Int?

  @Option(
    help: ArgumentHelp("Kernels to run with: best, baseline, avx2 or avx512.", valueName: "set"),
    transform: instructionSet(named:))
  var instructionSet = Device.InstructionSet.best

  @Option(
    help: ArgumentHelp(
      "Instead: write so many tokens behind a prompt of training.sequence_length, or what the context leaves.",
      valueName: "tokens"))
  var generate: Int?

  @Flag(help: "Show where the time of the steps goes.")
  var profile = false

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  private static func instructionSet(named name: String) throws -> Device.InstructionSet {
    guard let named = Device.InstructionSet.allCases.first(where: { "\($0)" == name }) else {
      throw ValidationError("expected best, baseline, avx2 or avx512, got \(name)")
    }
    return named
  }

  func run() throws {
    guard (1...100_000).contains(steps) else {
      throw ValidationError("--steps must lie in 1 ... 100000, got \(steps)")
    }
    try ThreadCount.check(threads)
    guard instructionSet.isAvailable else {
      throw ValidationError(
        "--instruction-set \(instructionSet): this processor does not have it; leave it out")
    }
    var config = try options.resolve()
    config.training.threads = threads ?? config.training.threads
    if let generate { return try runGeneration(config, count: generate) }
    config.mesh = MeshConfig()
    try Planner.checkThisMachine(config, ranks: 1, here: 1)
    let result = try StepBenchmark(
      config, steps: steps, instructionSet: instructionSet, isProfiled: profile)
    if json { return print(result.json) }
    print(
      Table(rows: [
        ["parameters", Brief.count(result.parameters)],
        ["step", "\(Brief.count(result.tokensPerStep)) tokens on \(result.threads) threads"],
        [
          "speed",
          "\(Brief.count(result.tokensPerSecond)) tokens/s (median of \(result.seconds.count) steps)",
        ],
        [
          "rate",
          "\(Brief.fixed(result.flopsPerSecond / 1e9, 1)) of \(Brief.fixed(result.peak / 1e9, 1)) GF/s, "
            + Brief.percent(result.flopsPerSecond / result.peak),
        ],
        ["convention", StepBenchmark.convention],
        ["peak memory", Bytes(result.peakMemory).description],
        ["allocations", result.allocationsPerStep.map { "\(Brief.count($0)) a step" } ?? "not counted here"],
      ]))
    if let profile = result.profile { print("\n\(profile)") }
  }
}

extension BenchmarkCommand {
  private func runGeneration(_ config: RunConfig, count: Int) throws {
    guard config.model.kind == .decoder else {
      throw ValidationError("an encoder (model.kind encoder) writes no text: leave out --generate")
    }
    guard !profile else { throw ValidationError("--profile shows training steps: leave out --generate") }
    let config = config.onRandomTokens
    try config.validate()
    let context = config.model.context
    guard (1..<context).contains(count) else {
      throw ValidationError("--generate must lie in 1 ... \(context - 1), model.context − 1, got \(count)")
    }
    let prompt = min(config.sequenceLength, context - count)
    try config.checkMemoryToRead()
    let result = GenerationBenchmark(
      config.model, prompt: prompt, count: count, threads: config.training.threads ?? Device.processorCount,
      instructionSet: instructionSet)
    let prefill = Double(prompt) / result.prefillSeconds, forward = Double(prompt) / result.forwardSeconds
    if json {
      print(
        """
        {"tokens_per_second": \(result.tokensPerSecond), "bytes_per_token": \(result.bytesPerToken), \
        "bytes_per_second": \(result.bytesPerSecond), "read_bandwidth_bytes_per_second": \(result.bandwidth), \
        "prompt_tokens": \(prompt), "prefill_tokens_per_second": \(prefill), \
        "training_forward_tokens_per_second": \(forward), "parameters": \(result.parameters), \
        "threads": \(result.threads)}
        """)
      return
    }
    print(
      Table(rows: [
        ["parameters", Brief.count(result.parameters)],
        [
          "prompt",
          "\(prompt) tokens at \(Brief.count(prefill)) tokens/s; training's forward: \(Brief.count(forward))",
        ],
        [
          "writing",
          "\(Brief.fixed(result.tokensPerSecond, 1)) tokens/s (median of \(count)), a batch of one",
        ],
        [
          "memory",
          "\(Bytes(Int(result.bytesPerToken))) of weights and cache a token: "
            + "\(Brief.fixed(result.bytesPerSecond / 1e9, 1)) of \(Brief.fixed(result.bandwidth / 1e9, 1)) GB/s "
            + "read by \(result.threads) threads, \(Brief.percent(result.bytesPerSecond / result.bandwidth))",
        ],
      ]))
  }
}
