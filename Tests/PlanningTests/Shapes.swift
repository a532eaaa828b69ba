import Foundation
import Recipes
import Training

@testable import Planning

/// Models small enough to be run beside their plans.
enum Shapes: String, CaseIterable, Sendable {
  case gpt2, nemotron, llama, bert

  var config: RunConfig {
    var config = RunConfig()
    config.model.layers = 4
    config.model.width = 32
    config.model.heads = 4
    config.model.vocabulary = 96
    config.model.context = 16
    config.model.dropout = 0.1
    switch self {
    case .gpt2: break
    case .nemotron:
      config.model.keyValueHeads = 2
      config.model.positions = .rotary
      config.model.rotaryFraction = 0.5
      config.model.norm = .layerNorm1P
      config.model.activation = .squaredReLU
      config.model.bias = false
      config.model.tiedEmbeddings = false
    case .llama:
      config.model.keyValueHeads = 2
      config.model.positions = .rotary
      config.model.norm = .rmsNorm
      config.model.activation = .swiglu
      config.model.bias = false
      config.model.feedForwardWidth = 48
    case .bert:
      config.model.kind = .encoder
      config.model.activation = .geluErf
    }
    config.training.globalBatch = 8
    config.training.microbatch = 2
    return Planner.prepared(config)
  }
}

/// Files of the repository, which users get.
enum Repository {
  static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: name).path
  }

  static func recipe(_ name: String, _ overrides: [String] = []) throws -> RunConfig {
    try Recipe(contentsOf: path("Recipes/\(name).yaml"), overrides: overrides)
      .resolve(RunConfig.self, defaults: RunConfig())
  }

  static func cluster(_ name: String, _ overrides: [String] = []) throws -> Cluster {
    try Cluster(contentsOf: path("Clusters/\(name).yaml"), overrides: overrides)
  }
}
