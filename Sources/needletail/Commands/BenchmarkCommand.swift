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
      needletail benchmark Recipes/gpt2-124m.yaml --generate 128 --batch 1 8 32 --weights f32 int8
      """)

  @OptionGroup var options: RecipeOptions

  @Option(help: "Timed steps, after two that warm up.")
  var steps = 5

  @Option(help: "Worker threads; by default the recipe's, else one for each processor.")
  var threads: Int?

  @Option(
    help: ArgumentHelp("Kernels to run with: best, baseline, avx2, avx512 or avx512bf16.", valueName: "set"),
    transform: instructionSet(named:))
  var instructionSet = Device.InstructionSet.best

  @Option(
    help: ArgumentHelp(
      "Instead: write so many tokens behind a prompt of training.sequence_length, or what the context leaves.",
      valueName: "tokens"))
  var generate: Int?

  @Option(parsing: .upToNextOption, help: "With --generate: texts side by side, one measurement for each.")
  var batch = [1]

  @Option(
    parsing: .upToNextOption,
    help: "With --generate: formats of the weights, one measurement for each: f32, bf16, fp8, int8.")
  var weights = [WeightFormat.f32]

  @Flag(help: "Show where the time of the steps goes.")
  var profile = false

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  private static func instructionSet(named name: String) throws -> Device.InstructionSet {
    guard let named = Device.InstructionSet.allCases.first(where: { "\($0)" == name }) else {
      throw ValidationError("expected best, baseline, avx2, avx512 or avx512bf16, got \(name)")
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
    if let generate { return try GenerationMeasurement(self, config, count: generate).run() }
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
