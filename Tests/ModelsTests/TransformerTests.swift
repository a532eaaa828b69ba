import Layers
import Models
import Tensors
import Testing

/// A small decoder with random weights.
struct SmallDecoder {
  let device: Device
  let model: Transformer

  enum Family: CaseIterable { case gpt2, llama, nemotron }

  static func config(_ family: Family, dropout: Double = 0) -> Transformer.Config {
    var config = Transformer.Config()
    config.layers = 3
    config.width = 48
    config.heads = 4
    config.feedForwardWidth = 112
    config.vocabulary = 80
    config.context = 40
    config.initialDeviation = 0.1
    config.dropout = dropout
    switch family {
    case .gpt2: break
    case .llama:
      config.keyValueHeads = 2
      config.positions = .rotary
      config.norm = .rmsNorm
      config.activation = .swiglu
      config.bias = false
      config.tiedEmbeddings = false
    case .nemotron:
      config.keyValueHeads = 1
      config.positions = .rotary
      config.rotaryFraction = 0.5
      config.norm = .layerNorm1P
      config.activation = .squaredReLU
      config.bias = false
      config.tiedEmbeddings = false
    }
    return config
  }

  init(_ family: Family, recompute: Recompute = .none, dropout: Double = 0, threads: Int = 1) {
    device = Device(threads: threads)
    model = Transformer(Self.config(family, dropout: dropout), recompute: recompute, on: device)
    model.store.initialize(seed: 11)
  }

  /// Sequences `sequences` of an endless supply, so that batches cut from it in different ways agree.
  func microbatch(_ sequences: Range<Int>, length: Int, key: RandomKey? = nil) -> (
    Microbatch, targets: Tensor
  ) {
    func tokens(_ shift: Int) -> Tensor {
      let ids = sequences.flatMap { sequence in
        (0..<length).map { Int32((sequence * 31 + ($0 + shift) * ($0 + shift + 3)) % 79) }
      }
      return Tensor(ids, Shape(ids.count), on: device)
    }
    let positions = Tensor(
      sequences.flatMap { _ in (0..<length).map(Int32.init) }, Shape(sequences.count * length), on: device)
    let microbatch = Microbatch(
      ids: tokens(0), positions: positions, sequences: sequences.count, length: length, key: key)
    return (microbatch, tokens(1))
  }

  /// Losses and gradients of one pass over `sequences`.
  func gradients(_ sequences: Range<Int>, length: Int, key: RandomKey? = nil, isDeferring: Bool = false)
    -> (losses: [Float], gradients: [Float])
  {
    model.store.gradients.fill(0)
    let (microbatch, targets) = microbatch(sequences, length: length, key: key)
    microbatch.weightGradients.isDeferring = isDeferring
    let losses = model.lossesAndGradients(
      microbatch, Targets(tokens: targets.integers, on: device), weights: LossWeights(token: 0.01))
    if isDeferring {
      #expect(microbatch.weightGradients.pendingCount == 4 * model.blocks.count)
      microbatch.weightGradients.flush()
      #expect(microbatch.weightGradients.pendingCount == 0)
    }
    return (losses.tokens?.floats ?? [], model.store.gradients.floats)
  }
}

/// What the training engine and the planner rely on.
@Suite struct TransformerTests {
  @Test(
    "what forward keeps is what savedBytes says, within 3 %", arguments: SmallDecoder.Family.allCases,
    Recompute.allCases)
  func savedBytes(family: SmallDecoder.Family, recompute: Recompute) {
    let small = SmallDecoder(family, recompute: recompute, dropout: 0.1)
    let (microbatch, _) = small.microbatch(0..<6, length: 40, key: RandomKey(seed: 1))
    let before = small.device.usedBytes
    var saved = Optional(small.model.forward(microbatch).saved)
    let kept = small.device.usedBytes - before
    let predicted = small.model.savedBytes(tokens: microbatch.tokens)
    #expect(abs(Double(kept) / Double(predicted) - 1) < 0.03, "kept \(kept), predicted \(predicted)")
    saved = nil
    #expect(small.device.usedBytes == before && saved == nil)
  }

  @Test(
    "a block keeps what its savedBytes says, within 3 %", arguments: SmallDecoder.Family.allCases,
    Recompute.allCases)
  func blockSavedBytes(family: SmallDecoder.Family, recompute: Recompute) {
    let small = SmallDecoder(family, recompute: recompute)
    let (microbatch, _) = small.microbatch(0..<6, length: 40)
    let block = small.model.blocks[1]
    let x = Tensor(zeros: Shape(microbatch.tokens, 48), on: small.device)
    let before = small.device.usedBytes
    let saved = block.forward(x, microbatch).saved
    let kept = small.device.usedBytes - before
    let predicted = block.savedBytes(tokens: microbatch.tokens)
    #expect(abs(Double(kept - predicted)) <= 0.03 * Double(predicted), "kept \(kept), predicted \(predicted)")
    withExtendedLifetime((saved, x)) {}
  }

  @Test(
    "a shape's parameter count is that of the model built from it", arguments: SmallDecoder.Family.allCases)
  func parameterCount(family: SmallDecoder.Family) {
    let model = SmallDecoder(family).model
    #expect(model.config.parameterCount == Double(model.store.parameterCount))
  }

  @Test(
    "weight gradients held back and computed later are the same, bit for bit", arguments: Recompute.allCases)
  func deferred(recompute: Recompute) {
    let small = SmallDecoder(.llama, recompute: recompute)
    let atOnce = small.gradients(0..<3, length: 17),
      later = small.gradients(0..<3, length: 17, isDeferring: true)
    #expect(atOnce.losses == later.losses)
    #expect(atOnce.gradients == later.gradients)
  }

  @Test(
    "what is computed again draws the same dropout: gradients agree bit for bit",
    arguments: SmallDecoder.Family.allCases)
  func replay(family: SmallDecoder.Family) {
    let key = RandomKey(seed: 5)
    func run(_ recompute: Recompute) -> (losses: [Float], gradients: [Float]) {
      SmallDecoder(family, recompute: recompute, dropout: 0.2).gradients(0..<3, length: 33, key: key)
    }
    let kept = run(.none)
    for recompute in [Recompute.selective, .full] {
      let again = run(recompute)
      #expect(kept.losses == again.losses, "\(recompute)")
      #expect(kept.gradients == again.gradients, "\(recompute)")
    }
    let other = SmallDecoder(family, dropout: 0.2).gradients(0..<3, length: 33, key: RandomKey(seed: 6))
    #expect(kept.losses != other.losses, "another key drops others")
  }

  @Test(
    "two microbatches of two accumulate what one of four computes, to rounding",
    arguments: SmallDecoder.Family.allCases)
  func accumulation(family: SmallDecoder.Family) {
    let small = SmallDecoder(family)
    let whole = small.gradients(0..<4, length: 21)
    let first = small.gradients(0..<2, length: 21)
    let (microbatch, targets) = small.microbatch(2..<4, length: 21)
    let second = small.model.lossesAndGradients(
      microbatch, Targets(tokens: targets.integers, on: small.device), weights: LossWeights(token: 0.01))
    #expect(first.losses + (second.tokens?.floats ?? []) == whole.losses)
    let sum = small.model.store.gradients.floats
    let largest = whole.gradients.map(abs).max() ?? 0
    let difference = zip(sum, whole.gradients).map { abs($0 - $1) }.max() ?? .infinity
    #expect(largest > 0 && difference < 2e-6 * largest, "\(difference) of \(largest)")
  }

  @Test(
    "a sequence has the same hidden states alone and in a batch, bit for bit",
    arguments: SmallDecoder.Family.allCases,
    [1, 2])
  func batchInvariance(family: SmallDecoder.Family, threads: Int) {
    let small = SmallDecoder(family, threads: threads)
    let length = 37
    let all = small.model.hidden(small.microbatch(0..<5, length: length).0)
    for sequence in 0..<5 {
      let alone = small.model.hidden(small.microbatch(sequence..<sequence + 1, length: length).0)
      #expect(alone.floats == all.rows(sequence * length..<(sequence + 1) * length).floats)
    }
  }
}
