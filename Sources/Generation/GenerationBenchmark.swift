import Layers
import Models
import Synchronization
import Telemetry
import Tensors

/// Times an engine that reads prompts of random tokens and then writes behind them, beside what the machine's memory
/// allows.
///
/// A step that writes one token of each text reads every weight once, and the keys and values of all texts; for one
/// text nothing else takes time, so bytes ÷ bandwidth is the floor.
package struct GenerationBenchmark: Sendable {
  package let format: WeightFormat
  /// Texts side by side.
  package let batch: Int
  package let promptTokens: Int
  package let parameters: Int
  package let threads: Int
  /// To read all prompts.
  package let prefillSeconds: Double
  /// Of each step that wrote a token of every text.
  package let stepSeconds: [Double]
  /// Weights, keys and values that a step reads, in the mean.
  package let bytesPerStep: Double
  /// Rate at which the same threads read memory, bytes/s: the best of before and after.
  package let bandwidth: Double

  package struct Shape: Sendable {
    package var batch = 1
    package var prompt = 128
    package var count = 128

    package init() {}
  }

  /// Reads `shape.prompt` tokens of each text, then writes `shape.count`.
  package init(_ model: Transformer, _ format: WeightFormat, _ shape: Shape) {
    let device = model.device, config = model.config
    let readBefore = device.measureBandwidth()
    let pages = (shape.prompt + shape.count + device.pageTokens - 1) / device.pageTokens
    let runner = ModelRunner(model, pageCount: shape.batch * pages + 1)
    var options = EngineConfig()
    options.keepsPrefixes = false

    // Once before it is timed: memory is taken then.
    _ = Self.write(shape, count: min(4, shape.count), config, options, runner)
    let times = Self.write(shape, count: shape.count, config, options, runner)

    prefillSeconds = times.first ?? 0
    stepSeconds = zip(times, times.dropFirst()).map { $1 - $0 }
    let texts = shape.batch * 2 * config.layers * config.keyValueHeadCount * config.headSize * DType.f32.size
    bytesPerStep =
      Double(model.store.bytesRead(besides: config.tiedEmbeddings ? nil : model.embedding?.tokens)) + Double(
        texts) * (Double(shape.prompt) + Double(shape.count) / 2)
    bandwidth = max(readBefore, device.measureBandwidth())
    self.format = format
    batch = shape.batch
    promptTokens = shape.prompt
    parameters = model.store.parameterCount
    threads = device.threads
  }

  /// When each text had its n-th token, since the beginning, in seconds.
  private static func write(
    _ shape: Shape, count: Int, _ config: Transformer.Config, _ options: EngineConfig, _ runner: ModelRunner
  ) -> [Double] {
    let engine = Engine(config, options), key = RandomKey(seed: 1)
    let times = Times(count: count)
    let start = ContinuousClock.now
    for text in 0..<shape.batch {
      let ids = (0..<shape.prompt).map { Int32(key.at(text).at($0).value % UInt64(config.vocabulary)) }
      var request = GenerationRequest(prompt: ids, maximumTokens: count)
      request.sampling.temperature = 0
      let written = Atomic(0)
      _ = try? engine.submit(request) { event in
        guard case .token = event else { return }
        times.note(written.add(1, ordering: .relaxed).oldValue, (ContinuousClock.now - start).seconds)
      }
    }
    engine.run(runner, untilIdle: true)
    return times.values
  }

  private final class Times: Sendable {
    private let latest: Mutex<[Double]>
    init(count: Int) { latest = Mutex([Double](repeating: 0, count: count)) }
    func note(_ index: Int, _ seconds: Double) { latest.withLock { $0[index] = max($0[index], seconds) } }
    var values: [Double] { latest.withLock { $0 } }
  }

  /// Of all texts, by the median step.
  package var tokensPerSecond: Double { stepSeconds.isEmpty ? 0 : Double(batch) / stepSeconds.median }

  package var prefillTokensPerSecond: Double { Double(batch * promptTokens) / prefillSeconds }

  package var bytesPerSecond: Double { stepSeconds.isEmpty ? 0 : bytesPerStep / stepSeconds.median }
}
