import Checkpoints
import Layers
import Models
import Recipes
import Tensors

/// A golden model: weights, inputs and what transformers made of them (Fixtures/make_goldens.py).
struct Golden {
  let file: SafetensorsFile
  let model: Decoder
  let device: Device

  init(_ name: String, recompute: Recompute = .none, threads: Int = 2) throws {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    file = try SafetensorsFile("/\(folder)/Fixtures/\(name).safetensors")
    let config = try Recipe(contentsOf: "/\(folder)/Fixtures/\(name).json")
      .resolve(Decoder.Config.self, defaults: Decoder.Config())
    device = Device(threads: threads)
    model = Decoder(config, recompute: recompute, on: device)
    for part in model.store.named(in: model.store.values) { try file.read(part.name, into: part.tensor) }
  }

  func microbatch(_ prefix: String, step: Int = 0) throws -> (Microbatch, targets: Tensor, scored: Int) {
    let shape = try file.entry("\(prefix).ids").shape.suffix(2)
    let (batch, length) = (shape.first ?? 0, shape.last ?? 0)
    let count = batch * length
    func tokens(_ name: String) throws -> [Int32] {
      try file.integers("\(prefix).\(name)")[step * count..<(step + 1) * count].map(Int32.init)
    }
    let targets = try tokens("targets")
    let microbatch = Microbatch(
      ids: Tensor(try tokens("ids"), Shape(count), on: device),
      positions: Tensor((0..<count).map { Int32($0 % length) }, Shape(count), on: device),
      sequences: batch, length: length)
    return (microbatch, Tensor(targets, Shape(count), on: device), targets.count { $0 >= 0 })
  }

  func floats(_ name: String) throws -> [Float] {
    let entry = try file.entry(name)
    let tensor = Tensor(uninitialized: Shape(entry.shape.isEmpty ? [1] : entry.shape), on: device)
    try file.read(name, into: tensor)
    return tensor.floats
  }
}
