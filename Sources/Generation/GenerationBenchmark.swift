import Layers
import Models
import Telemetry
import Tensors

/// Times a model that reads a prompt of random tokens and then writes, one token at a time, beside what the
/// machine's memory allows.
///
/// A token that is written reads every weight once and the keys and values of all tokens before it; at a batch
/// of one nothing else takes time, so bytes ÷ bandwidth is the floor.
package struct GenerationBenchmark {
  package let parameters: Int
  package let threads: Int
  package let promptTokens: Int
  /// To read the prompt, with keys and values kept.
  package let prefillSeconds: Double
  /// The same tokens through the model as training does it, everything kept for the way back.
  package let forwardSeconds: Double
  /// Of each token written.
  package let tokenSeconds: [Double]
  /// Weights and cache that a token reads, in the mean.
  package let bytesPerToken: Double
  /// Rate at which the same threads read memory, bytes/s.
  package let bandwidth: Double

  /// Reads `prompt` tokens, then writes `count`.
  package init(
    _ config: Transformer.Config, prompt: Int, count: Int, threads: Int,
    instructionSet: Device.InstructionSet = .best
  ) {
    let device = Device(threads: threads, instructionSet: instructionSet)
    let model = Transformer(config, isTrained: false, on: device)
    model.store.initialize(seed: 1)
    let key = RandomKey(seed: 1)
    let ids = (0..<prompt).map { Int32(key.at($0).value % UInt64(config.vocabulary)) }
    let cache = KeyValueCache(
      layers: config.layers, sequences: 1, capacity: prompt + count,
      keyValueWidth: config.keyValueHeadCount * config.headSize, on: device)

    func seconds(_ body: () -> Void) -> Double {
      let start = ContinuousClock.now
      body()
      return (ContinuousClock.now - start).seconds
    }
    func read(_ ids: [Int32]) -> Tensor {
      model.hidden(Microbatch(ids, sequences: 1, from: cache.length, cache: cache, on: device))
    }
    let readBefore = device.measureBandwidth()
    // Each once before it is timed: memory is taken then.
    let trained = Microbatch(ids, sequences: 1, on: device)
    _ = model.forward(trained)
    forwardSeconds = seconds { _ = model.forward(trained) }
    _ = read(ids)
    cache.truncate(to: 0)
    prefillSeconds = seconds { _ = read(ids) }

    var bytes = 0
    tokenSeconds = (0..<count).map { index in
      bytes += Self.bytesRead(config, parameters: model.store.parameterCount, cached: cache.length + 1)
      return seconds {
        let hidden = read([ids[index % prompt]])
        _ = model.logits(ofHidden: hidden, Microbatch([0], sequences: 1, on: device))
      }
    }
    parameters = model.store.parameterCount
    self.threads = device.threads
    promptTokens = prompt
    bytesPerToken = Double(bytes) / Double(max(1, count))
    bandwidth = max(readBefore, device.measureBandwidth())
  }

  /// What one token has to read: the parameters, of an embedding that is no output a single row, and the cache.
  private static func bytesRead(_ config: Transformer.Config, parameters: Int, cached: Int) -> Int {
    let table = config.vocabulary * config.width
    let weights = config.tiedEmbeddings ? parameters : parameters - table
    let positions = config.positions == .learned ? config.context * config.width : 0
    let keysAndValues = 2 * config.layers * config.keyValueHeadCount * config.headSize * cached
    return (weights - positions + keysAndValues) * DType.f32.size
  }

  /// Of the median token.
  package var tokensPerSecond: Double { tokenSeconds.isEmpty ? 0 : 1 / tokenSeconds.median }

  package var bytesPerSecond: Double { tokensPerSecond * bytesPerToken }
}
