import Files
import FoundationEssentials
import Recipes

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
