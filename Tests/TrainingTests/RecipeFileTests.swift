import FoundationEssentials
import Models
import Recipes
import Testing
import Training

/// The recipes that come with Needletail.
@Suite struct RecipeFileTests {
  static let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Recipes"
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted()

  func resolve(_ name: String) throws -> RunConfig {
    try Recipe(contentsOf: "\(Self.folder)/\(name)").resolve(RunConfig.self, defaults: RunConfig())
  }

  @Test("every recipe resolves and breaks no rule", arguments: names)
  func resolves(name: String) throws {
    try resolve(name).validate()
  }

  @Test("there are recipes") func exist() { #expect(Self.names.count >= 6) }

  /// Weights of matrices, embeddings apart: norms and biases are a thousandth of them.
  func billions(_ config: Transformer.Config) -> (embedding: Double, other: Double) {
    let tables = Double(config.vocabulary * config.width) * (config.tiedEmbeddings ? 1 : 2)
    let heads = config.heads * config.headSize, pairs = config.keyValueHeadCount * config.headSize
    let block = config.width * (2 * heads + 2 * pairs + 2 * config.innerWidth)
    return (tables / 1e9, Double(block * config.layers) / 1e9)
  }

  @Test(
    "the published models have their published sizes",
    arguments: [
      ("nemotron4-15b.yaml", 3.1, 12.5), ("nemotron4-340b.yaml", 9.4, 331.6), ("gpt2-124m.yaml", 0.04, 0.08),
    ])
  func sizes(name: String, embedding: Double, other: Double) throws {
    let counted = billions(try resolve(name).model)
    #expect(abs(counted.embedding / embedding - 1) < 0.05)
    #expect(abs(counted.other / other - 1) < 0.07)
  }

  @Test("the Nemotron runs read 8 trillion tokens", arguments: ["nemotron4-15b.yaml", "nemotron4-340b.yaml"])
  func tokens(name: String) throws {
    let config = try resolve(name)
    let ramp = config.batchRamp, sequences = config.training.globalBatch
    // The ramp's two stages last equally many samples.
    let rampSteps = ramp.samples / 2 / ramp.start + ramp.samples / 2 / (ramp.start + ramp.increment)
    let samples = ramp.samples + (config.training.steps - rampSteps) * sequences
    #expect(abs(Double(samples * config.sequenceLength) / 8e12 - 1) < 1e-4)
  }
}
