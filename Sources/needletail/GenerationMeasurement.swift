import ArgumentParser
import Generation
import Models
import Telemetry
import Tensors
import Training

extension WeightFormat: ExpressibleByArgument {}

/// `needletail benchmark --generate`: an engine that writes text with a recipe's model, random weights and all.
struct GenerationMeasurement {
  private let command: BenchmarkCommand
  private let config: RunConfig
  private let count: Int

  init(_ command: BenchmarkCommand, _ config: RunConfig, count: Int) throws {
    guard config.model.kind == .decoder else {
      throw ValidationError("an encoder (model.kind encoder) writes no text: leave out --generate")
    }
    guard !command.profile else {
      throw ValidationError("--profile shows training steps: leave out --generate")
    }
    guard !command.batch.isEmpty, command.batch.allSatisfy({ (1...1024).contains($0) }) else {
      throw ValidationError("--batch must lie in 1 ... 1024, got \(command.batch)")
    }
    self.command = command
    self.config = config.onRandomTokens
    self.count = count
    try self.config.validate()
    let context = config.model.context
    guard (2..<context).contains(count) else {
      throw ValidationError("--generate must lie in 2 ... \(context - 1), model.context − 1, got \(count)")
    }
    try self.config.checkMemoryToRead()
  }

  func run() throws {
    let prompt = min(config.sequenceLength, config.model.context - count)
    var rows = [["weights", "batch", "prompt", "reads", "writes", "a step reads", "of the memory's rate"]]
    for format in command.weights {
      let device = Device(
        threads: config.training.threads ?? Device.processorCount, instructionSet: command.instructionSet)
      let model = Transformer(config.model, isTrained: false, packing: format, on: device)
      model.store.initialize(seed: 1)
      for batch in command.batch {
        var shape = GenerationBenchmark.Shape()
        shape.batch = batch
        shape.prompt = prompt
        shape.count = count
        let result = GenerationBenchmark(model, format, shape)
        if command.json { printJSON(result) } else { rows.append(row(result)) }
      }
    }
    if !command.json { print(Table(rows: rows)) }
  }

  private func row(_ result: GenerationBenchmark) -> [String] {
    [
      result.format.rawValue, "\(result.batch)", "\(result.promptTokens) tokens",
      "\(Brief.count(result.prefillTokensPerSecond)) tokens/s",
      "\(Brief.fixed(result.tokensPerSecond, 1)) tokens/s", Bytes(Int(result.bytesPerStep)).description,
      "\(Brief.fixed(result.bytesPerSecond / 1e9, 1)) of \(Brief.fixed(result.bandwidth / 1e9, 1)) GB/s, "
        + Brief.percent(result.bytesPerSecond / result.bandwidth),
    ]
  }

  /// One line for reading, one for writing.
  private func printJSON(_ result: GenerationBenchmark) {
    let common =
      "\"engine\": \"needletail\", \"precision\": \"\(result.format.rawValue)\", \"batch\": \(result.batch), "
      + "\"prompt_tokens\": \(result.promptTokens), \"parameters\": \(result.parameters), "
      + "\"threads\": \(result.threads)"
    print(
      "{\(common), \"phase\": \"prefill\", \"tokens_per_second\": \(result.prefillTokensPerSecond)}")
    print(
      "{\(common), \"phase\": \"decode\", \"tokens_per_second\": \(result.tokensPerSecond), "
        + "\"bytes_per_second\": \(result.bytesPerSecond), \"read_bandwidth_bytes_per_second\": "
        + "\(result.bandwidth), \"bandwidth_share\": \(result.bytesPerSecond / result.bandwidth)}")
  }
}
