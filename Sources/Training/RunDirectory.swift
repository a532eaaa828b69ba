import Checkpoints
import Files
import FoundationEssentials
import Models
import Recipes
import Tensors

/// Where a run keeps what it makes: the resolved recipe, checkpoints, metrics, the loss curve, the model.
package struct RunDirectory: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  package var recipe: String { "\(path)/recipe.yaml" }
  package var checkpoints: String { "\(path)/checkpoints" }
  package var metrics: String { "\(path)/metrics.jsonl" }
  package var tensorboard: String { "\(path)/tensorboard" }
  package var timeline: String { timeline(0) }
  /// Of one rank, where each is a process.
  package func timeline(_ rank: Int) -> String {
    rank == 0 ? "\(path)/timeline.json" : "\(path)/timeline.rank-\(rank).json"
  }
  /// What a rank of many held and waited for.
  package func rankLog(_ rank: Int) -> String { "\(path)/ranks/rank-\(rank).log" }
  package var lossCurve: String { "\(path)/loss.svg" }
  /// The finished model with its tokenizer.
  package var model: String { "\(path)/model" }

  /// Whether a run has been started here.
  package var exists: Bool { FileManager.default.fileExists(atPath: recipe) }

  func create() throws { try Folder.create(path) }

  /// Removes what a killed run had half-written. Nobody else may be writing here.
  func removeLeftovers() {
    let files = FileManager.default
    for folder in [path, model] {
      for name in (try? files.contentsOfDirectory(atPath: folder)) ?? [] where name.contains(".partial-") {
        // One that cannot be removed does no harm.
        try? files.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }

  func write(_ config: RunConfig) throws {
    let file = try AtomicFile(recipe)
    try file.write(Recipe.yaml(of: config))
    try file.commit()
  }
}

/// A model as a user names it: a model's directory, or a run's, finished or not.
package struct TrainedModel {
  package let model: Transformer
  /// Where its tokenizer stands.
  package let tokenizerPath: String
  /// Of the run, where the run is not finished.
  package let step: Int?

  /// Opens the model at `path`: `path` itself, `path/model`, or the newest checkpoint of the run at `path`.
  package init(_ path: String, on device: Device) throws {
    let run = RunDirectory(path)
    if let directory = [path, run.model].first(where: ModelDirectory.exists) {
      model = try ModelDirectory(directory).load(on: device)
      tokenizerPath = directory
      step = nil
      return
    }
    guard run.exists, let checkpoint = try CheckpointStore(run.checkpoints).latest() else {
      // The sentence that says what a model is.
      _ = try ModelDirectory(path)
      preconditionFailure("a directory that is not a model was opened as one")
    }
    let config = try Recipe(contentsOf: run.recipe).resolve(RunConfig.self, defaults: RunConfig())
    model = Transformer(config.model, isTrained: false, on: device)
    try checkpoint.restore(model.store.named(in: model.store.values), ignoringOthers: true)
    tokenizerPath = config.data.tokenizer ?? path
    step = checkpoint.step
  }
}
