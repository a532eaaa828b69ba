import Checkpoints
import Models
import Recipes
import Tensors

/// A model as a user names it: a model's directory of whatever format, or a run's, finished or not.
package struct TrainedModel: Sendable {
  package let config: Transformer.Config
  /// Where its tokenizer stands.
  package let tokenizerPath: String
  /// Of the run, where the run is not finished.
  package let step: Int?
  /// A model's directory, or a checkpoint.
  private let path: String

  /// Finds the model at `path`: `path` itself, `path/model`, or the newest checkpoint of the run at `path`.
  package init(_ path: String) throws {
    let run = RunDirectory(path)
    if let directory = [path, run.model].first(where: ModelDirectory.exists) {
      config = try ModelDirectory(directory).config
      tokenizerPath = directory
      step = nil
      self.path = directory
      return
    }
    guard run.exists, let checkpoint = try CheckpointStore(run.checkpoints).latest() else {
      // The sentence that says what a model is.
      _ = try ModelDirectory(path)
      preconditionFailure("a directory that is not a model was opened as one")
    }
    let recipe = try Recipe(contentsOf: run.recipe).resolve(RunConfig.self, defaults: RunConfig())
    config = recipe.model
    tokenizerPath = recipe.data.tokenizer ?? path
    step = checkpoint.step
    self.path = checkpoint.path
  }

  /// The model with its weights, to be used and not trained; of it, what `part` names, perhaps packed.
  package func load(
    _ part: TransformerPart? = nil, packing format: WeightFormat? = nil, on device: Device
  ) throws -> Transformer {
    guard step == nil else {
      let model = try restored(part, on: device)
      guard let format else { return model }
      let packed = Transformer(config, part: part, isTrained: false, packing: format, on: device)
      packed.store.setValues(from: model.store)
      return packed
    }
    // Before memory is taken, the shape is held against the weights.
    let stored = try ModelDirectory(path).stored()
    if part?.isWhole ?? true { return try stored.load(packing: format, on: device) }
    let model = Transformer(config, part: part, isTrained: false, packing: format, on: device)
    try stored.read(into: model)
    return model
  }

  /// From a run's checkpoint.
  private func restored(_ part: TransformerPart?, on device: Device) throws -> Transformer {
    let model = Transformer(config, part: part, isTrained: false, on: device)
    let parts = model.store.parameters.flatMap { parameter in
      parameter.parts.map { part in
        ShardedTensor(
          part.name, parameter.tensor(of: part, in: model.store.values), block: part.block,
          of: part.whole.dimensions)
      }
    }
    try Checkpoint(path).restore(parts, ignoringOthers: true)
    return model
  }

  /// The tokens that end a text, by the files beside the weights.
  package func endIDs() throws -> [Int32] { try stored().companions.special?.ends ?? [] }

  /// How weights are kept so that they are what the files have.
  package func weightFormat() throws -> WeightFormat {
    step == nil ? try ModelDirectory(path).stored().weightFormat : .f32
  }

  /// The model on disk, to be written in another format.
  package func stored() throws -> StoredModel {
    guard step != nil else { return try ModelDirectory(path).stored() }
    let reader = CheckpointReader(try Checkpoint(path))
    return StoredModel(
      path: path, config: config,
      weights: try ParameterReader(reader, TensorLayout(namesOf: reader, ignoringPrefix: "optimizer.")),
      companions: try Companions(tokenizerPath))
  }
}
