import Layers
import Models
import Recipes
import Tensors
import TestSupport

/// A golden model: weights, inputs and what transformers made of them (Fixtures/make_goldens.py).
struct Golden {
  private let goldens: GoldenFile
  let model: Transformer
  let device: Device

  init(_ name: String, recompute: Recompute = .none, threads: Int = 2) throws {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    goldens = try GoldenFile(name)
    let config = try Recipe(contentsOf: "/\(folder)/Fixtures/\(name).json")
      .resolve(Transformer.Config.self, defaults: Transformer.Config())
    device = Device(threads: threads)
    model = Transformer(config, recompute: recompute, on: device)
    for part in model.store.named(in: model.store.values) {
      try goldens.file.read(part.name, into: part.tensor)
    }
  }

  func microbatch(_ prefix: String, step: Int = 0) throws -> (
    Microbatch, targets: Targets, weights: LossWeights
  ) {
    let shape = try goldens.sizes("\(prefix).ids").suffix(2)
    let (batch, length) = (shape.first ?? 0, shape.last ?? 0)
    let count = batch * length
    func tokens(_ name: String) throws -> [Int32] {
      Array(try goldens.integers("\(prefix).\(name)")[step * count..<(step + 1) * count])
    }
    let targets = try tokens("targets")
    let microbatch = Microbatch(
      ids: Tensor(try tokens("ids"), Shape(count), on: device),
      positions: Tensor((0..<count).map { Int32($0 % length) }, Shape(count), on: device),
      sequences: batch, length: length)
    let wanted = Targets(tokens: targets, on: device)
    return (microbatch, wanted, LossWeights(token: 1 / Float(wanted.tokenCount)))
  }

  func floats(_ name: String) throws -> [Float] { try goldens.floats(name) }
}
