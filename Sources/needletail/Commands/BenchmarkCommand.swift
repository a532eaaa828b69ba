import ArgumentParser
import Telemetry
import Training

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Time the training steps of a recipe on random tokens.",
    discussion: """
      needletail benchmark Recipes/gpt2-124m.yaml --steps 5 --threads 2 --set training.global_batch=4 --json
      """)

  @OptionGroup var options: RecipeOptions

  @Option(help: "Timed steps, after two that warm up.")
  var steps = 5

  @Option(help: "Worker threads; by default the recipe's, else one for each processor.")
  var threads: Int?

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  func run() throws {
    guard steps > 0 else { throw ValidationError("--steps must be at least 1, got \(steps)") }
    try ThreadCount.check(threads)
    var config = try options.resolve()
    config.training.threads = threads ?? config.training.threads
    let result = try StepBenchmark(config, steps: steps)
    if json {
      let fields = [
        "\"tokens_per_second\": \(result.tokensPerSecond)",
        "\"model_gflops_per_second\": \(result.flopsPerSecond / 1e9)",
        "\"fma_peak_gflops_per_second\": \(result.peak / 1e9)",
        "\"peak_memory_bytes\": \(result.peakMemory)",
        "\"pool_misses_per_step\": \(result.poolMissesPerStep)",
        "\"parameters\": \(result.parameters)", "\"threads\": \(result.threads)",
        "\"step_seconds\": \(result.seconds)", "\"loss\": \(result.lastLoss)",
        "\"flop_convention\": \"\(StepBenchmark.convention)\"",
      ]
      print("{\(fields.joined(separator: ", "))}")
      return
    }
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
      ]))
  }
}
