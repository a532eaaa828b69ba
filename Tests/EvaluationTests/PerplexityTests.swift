import Evaluation
import Layers
import Models
import Tensors
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct PerplexityTests {
  let model: Transformer
  static let context = 12

  init() {
    var config = Transformer.Config()
    config.layers = 2
    config.width = 16
    config.heads = 2
    config.vocabulary = 19
    config.context = Self.context
    // Far from uniform, so that what a token sees changes its loss.
    config.initialDeviation = 0.5
    model = Transformer(config, isTrained: false, on: Device(threads: 1))
    model.store.initialize(seed: 3)
  }

  func ids(_ count: Int) -> [Int32] { (0..<count).map { Int32(($0 * $0 + 5 * $0) % 19) } }

  /// −ln p(ids[target]) given ids[first ..< target], in double precision from the last row of logits.
  func loss(_ ids: [Int32], target: Int, from first: Int) -> Double {
    let context = Array(ids[first..<target]), shape = Shape(context.count)
    let microbatch = Microbatch(
      ids: Tensor(context, shape, on: model.device),
      positions: Tensor((0..<context.count).map(Int32.init), shape, on: model.device), sequences: 1,
      length: context.count)
    let logits = model.logits(microbatch).floats.suffix(model.config.vocabulary).map(Double.init)
    return log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(ids[target])]
  }

  @Test(
    "windows and strides give what scoring token by token gives",
    arguments: [2, 3, 11, 12, 13, 14, 24, 25, 26, 40, 61], [1, 5, 11, 12, 100])
  func matchesTokenByToken(count: Int, stride: Int) {
    let ids = ids(count), length = min(Self.context, count - 1), step = min(stride, length)
    var expected = 0.0
    for target in 1..<count {
      // The first window scores all it holds; each that follows, `step` further on, its last `step`.
      let window = target <= length ? 0 : (target - length + step - 1) / step
      expected += loss(ids, target: target, from: window * step)
    }
    for batch in [1, 3] {
      let result = Perplexity(of: ids, bytes: 7, under: model, stride: stride, batch: batch)
      #expect(result.tokens == count - 1)
      #expect(abs(result.negativeLogLikelihood - expected) < 1e-5 * expected)
    }
  }

  @Test("without a stride, windows follow one another")
  func defaultStride() {
    let ids = ids(50)
    #expect(
      Perplexity(of: ids, bytes: 1, under: model)
        == Perplexity(of: ids, bytes: 1, under: model, stride: Self.context))
    #expect(
      Perplexity(of: ids, bytes: 1, under: model) != Perplexity(of: ids, bytes: 1, under: model, stride: 3))
  }

  @Test("loss is per token, bits are per byte")
  func units() {
    let result = Perplexity(negativeLogLikelihood: 30 * log(2), tokens: 10, bytes: 15)
    #expect(abs(result.loss - 3 * log(2)) < 1e-12)
    #expect(abs(result.perplexity - 8) < 1e-9)
    #expect(abs(result.bitsPerByte - 2) < 1e-12)
  }

  @Test("a text of one token, or none, has nothing to score", arguments: [0, 1])
  func short(count: Int) {
    let result = Perplexity(of: ids(count), bytes: 0, under: model)
    #expect(result.tokens == 0 && result.negativeLogLikelihood == 0)
    #expect(result.loss == 0 && result.perplexity == 1 && result.bitsPerByte == 0)
  }

  @Test("progress counts windows up to their number")
  func progress() {
    var calls: [[Int]] = []
    _ = Perplexity(of: ids(61), bytes: 1, under: model, batch: 2) { calls.append([$0, $1]) }
    #expect(calls == [[2, 5], [4, 5], [5, 5]])
  }
}
