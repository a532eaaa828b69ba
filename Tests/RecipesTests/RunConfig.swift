import Recipes

/// A run such as components declare it: defaults once, `Codable` synthesized.
struct RunConfig: Codable, Equatable {
  struct Model: Codable, Equatable {
    var layers = 12
    var width = 768
    var ropeFraction = 0.5
    var activation = Activation.gelu
    var tied = true
    var ffnWidth: Int?
  }
  enum Activation: String, Codable, CaseIterable { case gelu, squaredReLU = "squared_relu", swiglu }
  struct Training: Codable, Equatable {
    var steps = 10
    var learningRate: Float = 3e-4
    var betas = [0.9, 0.95]
    var seed: UInt8 = 1
    var schedule = Schedule.cosine(minimum: 1e-5, warmup: 10)
    var stopAtLoss: Double?
  }
  enum Schedule: Codable, Equatable {
    case constant
    case cosine(minimum: Double, warmup: Int)
    case linear(warmup: Int)
  }
  struct Data: Codable, Equatable {
    var blend: [Source] = []
    var aliases: [String: Double] = ["bookCorpus": 1]
    var path = ""
  }
  struct Source: RecipeSection, Equatable {
    var prefix = ""
    var weight = 1.0
  }
  struct Distillation: RecipeSection, Equatable {
    var teacher = ""
    var temperature = 2.0
  }
  var model = Model()
  var training = Training()
  var data = Data()
  var distillation: Distillation?
}

/// Resolves `yaml` over the defaults.
func resolve(_ yaml: String = "", _ overrides: String...) throws -> RunConfig {
  try Recipe(yaml, overrides: overrides).resolve(RunConfig.self, defaults: RunConfig())
}

/// What is wrong with `yaml`, one sentence a line.
func complaint(_ yaml: String = "", _ overrides: String...) -> String {
  do {
    _ = try Recipe(yaml, overrides: overrides).resolve(RunConfig.self, defaults: RunConfig())
    return "nothing"
  } catch { return "\(error)" }
}
