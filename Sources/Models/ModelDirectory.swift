import Checkpoints
import Files
import FoundationEssentials
import Layers
import Recipes
import Tensors

/// A model on disk: `model.yaml`, its shape, beside `model.safetensors`, its weights. Tokenizer files stand
/// in the same directory.
package struct ModelDirectory {
  package let path: String
  package let config: Transformer.Config

  /// What is wrong with a directory that should hold a model.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private static func configPath(_ path: String) -> String { "\(path)/model.yaml" }
  private static func weightsPath(_ path: String) -> String { "\(path)/model.safetensors" }

  /// Whether `path` looks like one.
  package static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: configPath(path))
  }

  /// Reads the shape of the model at `path`.
  package init(_ path: String) throws {
    guard Self.exists(path) else {
      throw Failure(
        description: "\(path): expected a model directory with model.yaml and model.safetensors, or a run's "
          + "directory; `needletail train` makes both")
    }
    self.path = path
    config = try Recipe(contentsOf: Self.configPath(path))
      .resolve(Transformer.Config.self, defaults: Transformer.Config())
    guard config.problems.isEmpty, config.vocabulary > 0 else {
      throw Failure(
        description: "\(Self.configPath(path)): "
          + (config.problems.first ?? "model.vocabulary must be positive, got \(config.vocabulary)"))
    }
  }

  /// The model with its weights, for use or, where `isTrained`, for more training.
  package func load(isTrained: Bool = false, on device: Device) throws -> Transformer {
    let file = try SafetensorsFile(Self.weightsPath(path))
    // Before memory is taken for what model.yaml says.
    let stored = file.tensors.values.reduce(0) { $0 + Double($1.shape.reduce(1, *)) }
    guard stored == config.parameterCount else {
      throw Failure(
        description: "\(file.path): holds \(Int(stored)) parameters, model.yaml beside it describes "
          + "\(Int(config.parameterCount)): the two do not belong together")
    }
    let model = Transformer(config, isTrained: isTrained, on: device)
    try Self.readWeights(file, into: model)
    return model
  }

  /// Sets every parameter of `model` from the model directory or the safetensors file at `path`.
  package static func readWeights(at path: String, into model: Transformer) throws {
    let file = path.hasSuffix(".safetensors") ? path : weightsPath(path)
    try readWeights(SafetensorsFile(file), into: model)
  }

  /// Sets every parameter of `model` from `file`. Throws when one is missing, mis-shaped or unexpected.
  package static func readWeights(_ file: SafetensorsFile, into model: Transformer) throws {
    let parts = model.store.named(in: model.store.values)
    let known = Set(parts.map(\.name))
    if model.part.isWhole, let extra = file.tensors.keys.filter({ !known.contains($0) }).min() {
      throw Failure(
        description: "\(file.path): holds \(extra), which a model of this shape does not have: the weights "
          + "and model.yaml do not belong together")
    }
    for parameter in model.store.parameters {
      for part in parameter.parts {
        try read(part, into: parameter.tensor(of: part, in: model.store.values), from: file)
      }
    }
  }

  /// Reads what this rank holds of a part.
  private static func read(_ part: Parameter.Part, into own: Tensor, from file: SafetensorsFile) throws {
    guard own.count != part.whole.count else { return try file.read(part.name, into: own) }
    let shape = try file.entry(part.name).shape
    guard shape == part.whole.dimensions else {
      throw Failure(
        description:
          "\(file.path): tensor \(part.name) has shape \(shape), expected \(part.whole): the weights and "
          + "model.yaml do not belong together")
    }
    if part.block.columns.count == shape.dropFirst().reduce(1, *) {
      try file.read(part.name, rows: part.block.rows, into: own)
    } else {
      let rows = Tensor(uninitialized: Shape(part.block.rows.count, part.whole.columns), on: own.device)
      try file.read(part.name, rows: part.block.rows, into: rows)
      own.copyRows(from: rows.columns(part.block.columns))
    }
  }

  /// Writes `model` as a directory at `path`, the weights first, each file complete or absent.
  package static func write(_ model: Transformer, to path: String) throws {
    try Folder.create(path)
    try SafetensorsWriter.write(weightsPath(path), model.store.named(in: model.store.values))
    try write(model.config, to: path)
  }

  /// Writes the model that `checkpoint` holds, on however many ranks it was made, one tensor at a time; `rounding`
  /// passes each through the type that it was computed in.
  package static func write(
    _ config: Transformer.Config, from checkpoint: Checkpoint, rounding: ((Tensor) -> Void)?, to path: String
  ) throws {
    try Folder.create(path)
    try checkpoint.writeSafetensors(
      to: weightsPath(path), where: { !$0.hasPrefix("optimizer.") }, converting: rounding)
    try write(config, to: path)
  }

  private static func write(_ model: Transformer.Config, to path: String) throws {
    let config = try AtomicFile(configPath(path))
    try config.write(Recipe.yaml(of: model))
    try config.commit()
  }
}
