import Layers
import Models
import Optimizers
import Tensors
import Testing

/// The decoder against Hugging Face transformers in double precision: the same weights give the same logits,
/// gradients and ten AdamW steps.
@Suite struct GoldenTests {
  static let names = ["gpt2", "gpt2_long", "nemotron", "nemotron_bias", "llama", "llama_tied"]

  /// The largest difference over the largest magnitude.
  func relativeError(_ a: [Float], _ b: [Float]) -> Float {
    let largest = b.map(abs).max() ?? 0
    return (zip(a, b).map { abs($0 - $1) }.max() ?? 0) / max(largest, .leastNormalMagnitude)
  }

  @Test("logits and loss are those of transformers", arguments: names)
  func logits(name: String) throws {
    let golden = try Golden(name)
    let (microbatch, targets, _) = try golden.microbatch("input")
    let logits = golden.model.logits(microbatch).floats
    #expect(relativeError(logits, try golden.floats("output.logits")) < 1e-5)
    let losses = try #require(golden.model.losses(microbatch, targets).tokens)
    #expect(
      relativeError([Float(losses.sum / Double(targets.tokenCount))], try golden.floats("output.loss")) < 1e-5
    )
  }

  @Test(
    "every gradient is that of transformers, whatever is recomputed", arguments: names, Recompute.allCases)
  func gradients(name: String, recompute: Recompute) throws {
    let golden = try Golden(name, recompute: recompute)
    let (microbatch, targets, weights) = try golden.microbatch("input")
    _ = golden.model.lossesAndGradients(microbatch, targets, weights: weights)
    let largest = golden.model.store.gradients.floats.map(abs).max() ?? 0
    for part in golden.model.store.named(in: golden.model.store.gradients) {
      let expected = try golden.floats("gradient.\(part.name)")
      let error = relativeError(part.tensor.floats, expected)
      // A key's bias has no gradient in exact arithmetic: what is left is rounding of the others.
      let isZero = (expected.map(abs).max() ?? 0) < 1e-6 * largest
      #expect(error < 1e-5 || isZero, "\(part.name): \(error)")
    }
  }

  @Test("ten AdamW steps with clipping give the same losses, norms and weights", arguments: names)
  func steps(name: String) throws {
    let golden = try Golden(name)
    let model = golden.model
    let optimizer = Optimizer(
      Optimizer.Config(), values: model.store.values, gradients: model.store.gradients,
      decayedCount: model.store.decayedCount)
    let expected = try golden.floats("steps.losses"), norms = try golden.floats("steps.gradient_norms")
    for step in 0..<expected.count {
      let (microbatch, targets, weights) = try golden.microbatch("steps", step: step)
      let losses = model.lossesAndGradients(microbatch, targets, weights: weights)
      let sum = try #require(losses.tokens).sum
      let norm = GradientNorm(of: model.store.gradients)
      #expect(relativeError([Float(sum / Double(targets.tokenCount))], [expected[step]]) < 1e-5)
      #expect(relativeError([Float(norm.value)], [norms[step]]) < 2e-5)
      optimizer.update(step: step + 1, learningRate: 1e-3, gradientScale: norm.clipCoefficient(maximum: 1))
    }
    // Adam divides by the gradient's size, so the rounding of a vanishing gradient moves a weight by up to
    // the learning rate each step: the mean difference tells a wrong update from rounding. A key's bias has
    // no gradient but rounding.
    for part in model.store.named(in: model.store.values) where !part.name.hasSuffix(".k.bias") {
      let difference = zip(part.tensor.floats, try golden.floats("final.\(part.name)")).map { abs($0 - $1) }
      let mean = difference.reduce(0, +) / Float(difference.count)
      #expect(mean < 1e-4, "\(part.name): \(mean)")
    }
  }

  @Test("losses and gradients do not depend on the number of threads, bit for bit", arguments: names)
  func threads(name: String) throws {
    func run(_ threads: Int) throws -> ([Float], [Float]) {
      let golden = try Golden(name, threads: threads)
      let (microbatch, targets, weights) = try golden.microbatch("input")
      let losses = golden.model.lossesAndGradients(microbatch, targets, weights: weights)
      return (try #require(losses.tokens).floats, golden.model.store.gradients.floats)
    }
    let (one, three) = (try run(1), try run(3))
    #expect(one.0 == three.0)
    #expect(one.1 == three.1)
  }
}
