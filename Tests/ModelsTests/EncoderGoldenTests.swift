import Layers
import Models
import Recipes
import Tensors
import TestSupport
import Testing

/// An encoder with its weights, a batch, and what MegatronBert made of it (Fixtures/make_bert_goldens.py).
struct GoldenEncoder {
  private let goldens: GoldenFile
  let model: Transformer
  let microbatch: Microbatch
  let targets: Targets
  /// Of each sequence, the tokens that are not padding.
  let visible: [Int]

  init(_ name: String, recompute: Recompute = .none) throws {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    goldens = try GoldenFile(name)
    let config = try Recipe(contentsOf: "/\(folder)/Fixtures/\(name).json")
      .resolve(Transformer.Config.self, defaults: Transformer.Config())
    let device = Device(threads: 2)
    model = Transformer(config, recompute: recompute, on: device)
    for part in model.store.named(in: model.store.values) {
      try goldens.file.read(part.name, into: part.tensor)
    }
    let ids = try goldens.integers("input.ids"), sequences = try goldens.sizes("input.ids")[0]
    let visible = try goldens.integers("input.visible"), length = ids.count / sequences
    func tensor(_ values: [Int32]) -> Tensor { Tensor(values, Shape(values.count), on: device) }
    microbatch = Microbatch(
      ids: tensor(ids), positions: tensor(ids.indices.map { Int32($0 % length) }),
      segments: tensor(try goldens.integers("input.segments")), sequences: sequences, length: length,
      visible: tensor(visible))
    self.visible = visible.map(Int.init)
    targets = Targets(
      tokens: config.classes > 0 ? [] : try goldens.integers("input.targets"),
      labels: config.sentenceOrder ? try goldens.integers("input.labels") : [], on: device)
  }

  var weights: LossWeights {
    LossWeights(
      token: 1 / Float(max(1, targets.tokenCount)), label: 1 / Float(max(1, targets.labelCount)))
  }

  func floats(_ name: String) throws -> [Float] { try goldens.floats(name) }

  /// Checks the mean losses against the golden ones.
  func expect(_ losses: Losses) throws {
    if let tokens = losses.tokens {
      let mean = Float(tokens.sum / Double(targets.tokenCount))
      #expect(relativeError([mean], try floats("output.token_loss")) < 1e-5)
    }
    if let labels = losses.labels {
      let mean = Float(labels.sum / Double(targets.labelCount))
      #expect(relativeError([mean], try floats("output.label_loss")) < 1e-5)
    }
    #expect((losses.tokens == nil) == (targets.tokenCount == 0))
    #expect((losses.labels == nil) == (targets.labelCount == 0))
  }
}

/// The encoder against Hugging Face's MegatronBert in double precision: the same weights and batch give the same
/// scores, losses and gradients.
@Suite struct EncoderGoldenTests {
  static let names = ["bert", "bert_masked", "bert_classes", "bert_choices"]

  @Test("scores are those of MegatronBert, whatever padding holds", arguments: names)
  func scores(name: String) throws {
    let golden = try GoldenEncoder(name)
    let scores = golden.model.logits(golden.microbatch)
    guard golden.model.config.classes == 0 else {
      return #expect(relativeError(scores.floats, try golden.floats("output.scores")) < 1e-5)
    }
    let expected = try golden.floats("output.logits"), length = golden.microbatch.length
    for (sequence, visible) in golden.visible.enumerated() {
      let rows = sequence * length..<sequence * length + visible
      let wanted = expected[rows.lowerBound * scores.columns..<rows.upperBound * scores.columns]
      #expect(relativeError(scores.rows(rows).floats, Array(wanted)) < 1e-5)
    }
  }

  @Test("losses are those of MegatronBert", arguments: names)
  func losses(name: String) throws {
    let golden = try GoldenEncoder(name)
    try golden.expect(golden.model.losses(golden.microbatch, golden.targets))
  }

  @Test(
    "every gradient is that of MegatronBert, whatever is recomputed", arguments: names, Recompute.allCases)
  func gradients(name: String, recompute: Recompute) throws {
    let golden = try GoldenEncoder(name, recompute: recompute)
    let model = golden.model
    try golden.expect(model.lossesAndGradients(golden.microbatch, golden.targets, weights: golden.weights))
    let largest = model.store.gradients.floats.map(abs).max() ?? 0
    for part in model.store.named(in: model.store.gradients) {
      let expected = try golden.floats("gradient.\(part.name)")
      let error = relativeError(part.tensor.floats, expected, floor: 1e-6 * largest)
      // A key's bias has no gradient in exact arithmetic: what is left is rounding of the others.
      let isZero = (expected + part.tensor.floats).map(abs).max() ?? 0 < 1e-6 * largest
      #expect(error < 1e-5 || isZero, "\(part.name): \(error)")
    }
  }

  @Test("an encoder's parameter count is that of the model built from it", arguments: names)
  func parameterCount(name: String) throws {
    let model = try GoldenEncoder(name).model
    #expect(model.config.parameterCount == Double(model.store.parameterCount))
  }
}
