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
  /// To read all prompts, the middle of three times.
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
    var options = EngineConfig()
    options.keepsPrefixes = false
    options.runningLimit = max(options.runningLimit, shape.batch)
    options.stepTokens = max(options.stepTokens, 2 * shape.batch)
    // The texts that are read first go on writing until the last has its tokens, so that every step that counts is one
    // of all texts. Prompts leave room for that in the context; a step gives each text that writes its token first.
    var shape = shape
    let readAtOnce = options.stepTokens - shape.batch
    func longest(_ prompt: Int) -> Int {
      prompt + shape.count + (shape.batch * prompt + readAtOnce - 1) / readAtOnce
    }
    while shape.prompt > 1, longest(shape.prompt) > config.context { shape.prompt -= 1 }
    let longest = min(config.context, longest(shape.prompt))
    let pages = (longest + device.pageTokens - 1) / device.pageTokens
    let runner = ModelRunner(model, pageCount: shape.batch * pages + 1)

    // Once before it is timed: memory is taken then.
    _ = Self.write(shape, most: 4, config, options, runner)
    // Texts that are read first would write while the others are read.
    prefillSeconds =
      (0..<3).map { _ in Self.write(shape, most: 1, config, options, runner).first ?? 0 }.median
    let times = Self.write(shape, most: longest - shape.prompt, config, options, runner)
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

  /// When all texts had their n-th token, since the beginning, in seconds; each writes `most`, of which `shape.count`
  /// are noted.
  private static func write(
    _ shape: Shape, most: Int, _ config: Transformer.Config, _ options: EngineConfig, _ runner: ModelRunner
  ) -> [Double] {
    let engine = Engine(config, options), key = RandomKey(seed: 1)
    let times = Times(count: min(most, shape.count))
    let start = ContinuousClock.now
    for text in 0..<shape.batch {
      let ids = (0..<shape.prompt).map { Int32(key.at(text).at($0).value % UInt64(config.vocabulary)) }
      var request = GenerationRequest(prompt: ids, maximumTokens: most)
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
    func note(_ index: Int, _ seconds: Double) {
      latest.withLock { if index < $0.count { $0[index] = max($0[index], seconds) } }
    }
    var values: [Double] { latest.withLock { $0 } }
  }

  /// Of all texts, by the median step.
  package var tokensPerSecond: Double { stepSeconds.isEmpty ? 0 : Double(batch) / stepSeconds.median }

  package var prefillTokensPerSecond: Double { Double(batch * promptTokens) / prefillSeconds }

  package var bytesPerSecond: Double { stepSeconds.isEmpty ? 0 : bytesPerStep / stepSeconds.median }
}
