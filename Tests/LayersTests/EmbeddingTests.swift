import Collectives
import Layers
import Tensors
import TestSupport
import Testing
import Topology

/// An embedding in front of x, so that its gradients can be checked as a layer's are.
private struct Embedded: Layer {
  let embedding: Embedding

  func forward(_ x: Tensor, _ microbatch: Microbatch) -> (y: Tensor, saved: Void) {
    let y = Tensor(uninitialized: x.shape, on: x.device)
    y.copy(from: x)
    y.add(embedding.forward(microbatch, on: x.device))
    return (y, ())
  }

  func backward(_ dy: Tensor, _ saved: consuming Void, _ microbatch: Microbatch) -> Tensor {
    embedding.backward(dy, microbatch)
    return dy
  }

  func savedBytes(tokens: Int) -> Int { 0 }
}

@Suite struct EmbeddingTests {
  static let (width, tokens) = (8, 10)

  static func microbatch(key: RandomKey? = nil, on device: Device) -> Microbatch {
    let sample = Microbatch.sample(sequences: 2, length: 5, key: key, on: device)
    return Microbatch(
      ids: sample.ids, positions: sample.positions,
      segments: Tensor([0, 0, 1, 1, 1, 0, 1, 1, 0, 0] as [Int32], Shape(tokens), on: device), sequences: 2,
      length: 5, key: key)
  }

  static func embedding(
    context: Int?, segments: Int?, dropout: Float = 0, _ axis: TensorAxis, _ store: ParameterStore
  ) -> Embedding {
    Embedding(
      vocabulary: 17, width: width, context: context, segments: segments, deviation: 0.1, dropout: dropout,
      axis, store)
  }

  @Test(
    "gradients of tokens, positions and segments, each there or not, dropped or not",
    arguments: [nil, 5], [nil, 2])
  func gradients(context: Int?, segments: Int?) {
    let device = Device(threads: 1), store = ParameterStore()
    let embedding = Self.embedding(context: context, segments: segments, dropout: 0.3, .single, store)
    store.randomize(on: device)
    #expect(store.named(in: store.values).count == 1 + (context == nil ? 0 : 1) + (segments == nil ? 0 : 1))
    for key in [nil, RandomKey(seed: 1)] {
      let check = GradientCheck(
        Embedded(embedding: embedding), x: Tensor(zeros: Shape(Self.tokens, Self.width), on: device),
        store: store, microbatch: Self.microbatch(key: key, on: device))
      for (name, error) in check.errors {
        #expect(error < 4e-3, "the gradient of \(name) is off by \(error)")
      }
    }
  }

  /// Vectors of all tokens, and the gradients of positions and segments.
  static func results(_ axis: TensorAxis) -> [[Float]] {
    let device = Device(threads: 1), store = ParameterStore()
    let embedding = Self.embedding(context: 5, segments: 2, dropout: 0.3, axis, store)
    store.allocate(on: device, gradients: true, multiple: 16)
    store.initialize(seed: 3)
    let microbatch = Self.microbatch(key: RandomKey(seed: 2), on: device)
    let y = embedding.forward(microbatch, on: device)
    store.gradients.fill(0)
    embedding.backward(y, microbatch)
    return [axis.startGathering(y).wait().floats]
      + [embedding.positions, embedding.segments].map {
        $0?.gradient.floats ?? []
      }
  }

  @Test(
    "ranks that divide the table, and perhaps the tokens, get what one rank gets, to the bit",
    arguments: [false, true])
  func ranks(splitsTokens: Bool) throws {
    let one = Self.results(.single)
    let two = try LocalCluster.run(Mesh(tensor: 2), limit: .seconds(60)) {
      Self.results(TensorAxis($0.tensor, splitsTokens: splitsTokens))
    }
    #expect(two == [one, one])
  }
}
