import Generation
import Layers
import Models
import Tensors
import Testing

@Suite struct GeneratorTests {
  static func model(_ device: Device, positions: Transformer.Positions = .rotary) -> Transformer {
    var config = Transformer.Config()
    config.layers = 2
    config.width = 32
    config.heads = 4
    config.keyValueHeads = 2
    config.vocabulary = 61
    config.context = 40
    config.positions = positions
    config.rotaryFraction = 0.5
    let model = Transformer(config, isTrained: false, on: device)
    model.store.values.fillNormal(deviation: 0.3, key: 3)
    return model
  }

  static func microbatch(_ ids: [Int32], from first: Int = 0, cache: KeyValueCache? = nil, _ device: Device)
    -> Microbatch
  {
    Microbatch(
      ids: Tensor(ids, Shape(ids.count), on: device),
      positions: Tensor((0..<ids.count).map { Int32($0 + first) }, Shape(ids.count), on: device),
      sequences: 1, length: ids.count, cache: cache)
  }

  @Test(
    "a token's logits are the same bits with a cache and without, in one piece and in several",
    arguments: [Transformer.Positions.rotary, .learned])
  func cachedEqualsUncached(positions: Transformer.Positions) {
    let device = Device(threads: 1)
    let model = Self.model(device, positions: positions)
    let ids = (0..<37).map { Int32(($0 * 11 + 5) % 61) }
    let whole = model.logits(Self.microbatch(ids, device)).floats
    let cache = KeyValueCache(
      layers: 2, sequences: 1, capacity: 40, keyValueWidth: 16, on: device)
    var pieces: [Float] = []
    for range in [0..<1, 1..<2, 2..<19, 19..<20, 20..<37] {
      pieces +=
        model.logits(
          Self.microbatch(Array(ids[range]), from: range.lowerBound, cache: cache, device)
        ).floats
    }
    #expect(pieces == whole)
  }

  @Test("greedy generation takes the most likely token of the uncached model, past the context's end too")
  func greedy() {
    let device = Device(threads: 1)
    let model = Self.model(device)
    var options = SamplingOptions()
    options.temperature = 0
    var generated: [Int32] = []
    Generator(model, options).generate([1, 2, 3], count: 70) { id in
      generated.append(id)
      return true
    }
    #expect(generated.count == 70)
    var ids: [Int32] = [1, 2, 3]
    for id in generated.prefix(37) {
      let logits = model.logits(Self.microbatch(ids, device)).floats.suffix(61)
      #expect(logits.max() == logits[logits.startIndex + Int(id)])
      ids.append(id)
    }
  }
}
