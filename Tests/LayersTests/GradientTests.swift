import Layers
import Tensors
import TestSupport
import Testing

/// Every layer's backward is the derivative of its forward.
@Suite struct GradientTests {
  let device = Device(threads: 1)
  let store = ParameterStore()

  func input(_ rows: Int, _ columns: Int) -> Tensor {
    let x = Tensor(uninitialized: Shape(rows, columns), on: device)
    x.fillNormal(deviation: 1, key: 5)
    return x
  }

  func check(_ layer: some Layer, width: Int, microbatch: Microbatch) {
    let check = GradientCheck(layer, x: input(microbatch.tokens, width), store: store, microbatch: microbatch)
    for (name, error) in check.errors {
      #expect(error < 4e-3, "the gradient of \(name) is off by \(error)")
    }
  }

  @Test("linear, with and without bias", arguments: [true, false])
  func linear(bias: Bool) {
    let layer = Linear("linear", in: 10, out: 7, bias: bias, deviation: 0.1, store)
    store.randomize(on: device)
    check(layer, width: 10, microbatch: .sample(sequences: 1, length: 5, on: device))
  }

  @Test("norms", arguments: NormKind.allCases)
  func norm(kind: NormKind) {
    let layer = Norm("norm", kind, width: 19, epsilon: 1e-5, .single, store)
    store.randomize(on: device)
    check(layer, width: 19, microbatch: .sample(sequences: 1, length: 70, on: device))
  }

  func makeAttention(
    kvHeads: Int, isCausal: Bool = true, bias: Bool = true, rotary: Bool = true, dropout: Float = 0,
    isSelective: Bool = false
  ) -> SelfAttention {
    SelfAttention(
      "attention", norm: Norm("norm", .layerNorm, width: 12, epsilon: 1e-5, .single, store), width: 12,
      heads: 4,
      keyValueHeads: kvHeads, headWidth: 6, isCausal: isCausal, bias: bias, deviation: 0.1,
      outputDeviation: 0.1,
      rotary: rotary ? RotaryTable(width: 4, positions: 16, base: 100, on: device) : nil, dropout: dropout,
      index: 0, isSelective: isSelective, .single, store)
  }

  @Test("attention, grouped or not, kept or recomputed", arguments: [4, 2, 1], [false, true])
  func attention(kvHeads: Int, isSelective: Bool) {
    let layer = makeAttention(kvHeads: kvHeads, isSelective: isSelective)
    store.randomize(on: device)
    check(layer, width: 12, microbatch: .sample(sequences: 2, length: 9, on: device))
  }

  @Test("attention in both directions, of sequences that end early or not", arguments: [nil, [9, 4, 1]])
  func attentionInBothDirections(visible: [Int32]?) {
    let layer = makeAttention(kvHeads: 2, isCausal: false)
    store.randomize(on: device)
    let sample = Microbatch.sample(sequences: 3, length: 9, on: device)
    check(
      layer, width: 12,
      microbatch: Microbatch(
        ids: sample.ids, positions: sample.positions, sequences: 3, length: 9,
        visible: visible.map { Tensor($0, Shape(3), on: device) }))
  }

  @Test("attention under dropout, whose mask is the same each time")
  func droppedAttention() {
    let layer = makeAttention(kvHeads: 2, rotary: false, dropout: 0.3)
    store.randomize(on: device)
    check(
      layer, width: 12, microbatch: .sample(sequences: 2, length: 9, key: RandomKey(seed: 1), on: device))
  }

  @Test("each layer and place drops its own elements")
  func dropoutStreams() {
    let microbatch = Microbatch.sample(sequences: 1, length: 5, key: RandomKey(seed: 1), on: device)
    let x = input(5, 8), residual = Tensor(zeros: Shape(5, 40), on: device)
    func kept(_ index: Int, _ place: String) -> [Bool] {
      let store = ParameterStore()
      let layer = RowParallelLinear(
        "linear", in: 8, out: 40, bias: false, deviation: 0.1, dropout: 0.5, index: index, place: place,
        .single, store)
      store.randomize(on: device)
      return layer.apply(x, residual: residual, microbatch).floats.map { $0 != 0 }
    }
    let masks = [kept(0, "a"), kept(1, "a"), kept(0, "b"), kept(1, "b")]
    #expect(Set(masks).count == 4)
    #expect(kept(1, "b") == masks[3])
  }

  @Test(
    "feed-forward with every activation, kept or recomputed", arguments: Activation.allCases, [false, true])
  func feedForward(activation: Activation, isSelective: Bool) {
    let layer = FeedForward(
      "mlp", norm: Norm("norm", .rmsNorm, width: 12, epsilon: 1e-5, .single, store), width: 12, inner: 20,
      activation: activation, bias: !activation.isGated, deviation: 0.1, outputDeviation: 0.1, dropout: 0.2,
      index: 0, isSelective: isSelective, .single, store)
    store.randomize(on: device)
    check(
      layer, width: 12, microbatch: .sample(sequences: 1, length: 11, key: RandomKey(seed: 1), on: device))
  }

  @Test(
    "a block, recomputed or not, with deferred weight gradients or not", arguments: [false, true],
    [false, true])
  func block(isRecomputed: Bool, isDeferring: Bool) {
    let attention = makeAttention(kvHeads: 2)
    let feedForward = FeedForward(
      "mlp", norm: Norm("norm2", .layerNorm1P, width: 12, epsilon: 1e-5, .single, store), width: 12,
      inner: 20,
      activation: .gelu, bias: true, deviation: 0.1, outputDeviation: 0.1, dropout: 0, index: 0,
      isSelective: false, .single, store)
    store.randomize(on: device)
    let microbatch = Microbatch.sample(sequences: 2, length: 6, on: device)
    microbatch.weightGradients.isDeferring = isDeferring
    check(
      Recomputed(TransformerBlock(attention: attention, feedForward: feedForward), when: isRecomputed),
      width: 12, microbatch: microbatch)
  }
}
