import JSON
import Layers
import Tensors

/// A family of models as transformers keeps it: `config.json` names the architecture.
protocol HuggingFaceFormat: ForeignFormat {
  /// Of `config.json`.
  var modelType: String { get }
  /// The classes of transformers that are read.
  var architectures: [String] { get }
  /// The one that a model of shape `config` is.
  func architecture(of config: Config) -> String
}

extension HuggingFaceFormat {
  var name: String { architectures[0] }
  var configFile: String { HuggingFace.configFile }
  func architecture(of config: Config) -> String { architectures[0] }
  func name(of config: Config) -> String { architecture(of: config) }

  /// transformers' names of activations that are not gated; the first of each is written.
  private static var activationNames: [(name: String, activation: Activation)] {
    [
      ("gelu_new", .gelu), ("gelu_pytorch_tanh", .gelu), ("gelu_fast", .gelu), ("gelu", .geluErf),
      ("gelu_python", .geluErf), ("relu2", .squaredReLU),
    ]
  }

  static var activations: [String: Activation] {
    Dictionary(activationNames.map { ($0.name, $0.activation) }) { first, _ in first }
  }

  static func name(of activation: Activation) -> String? {
    activationNames.first { $0.activation == activation }?.name
  }
}

/// Models as transformers keeps them.
enum HuggingFace {
  static let configFile = "config.json"

  static let formats: [any HuggingFaceFormat] = [
    GPT2Format(), NemotronFormat(), LlamaFormat(), MegatronBERTFormat(),
  ]

  /// The family that `config.json` names. Throws when it is none that is known here, or the weights are coded.
  static func format(of keys: ForeignConfig) throws -> any HuggingFaceFormat {
    let types = formats.map(\.modelType)
    guard case .string(let type)? = keys.values["model_type"] else {
      throw keys.failure("lacks model_type, expected \(types.joined(separator: " or "))")
    }
    guard let format = formats.first(where: { $0.modelType == type }) else {
      throw keys.failure(
        "model_type is \(JSONValue.string(type).brief), expected \(types.joined(separator: " or "))")
    }
    let known = format.architectures.joined(separator: " or ")
    switch keys.values["architectures"] ?? .null {
    case .null: break
    case .array(let names):
      if let other = names.first(where: { name in !format.architectures.contains { .string($0) == name } }) {
        throw keys.failure("architectures has \(other.brief), expected \(known)")
      }
    case let other:
      throw keys.failure("architectures is \(other.brief), expected a list with \(known), or null")
    }
    try keys.expectNone("quantization_config")
    return format
  }

  /// The family that has models of shape `config`: its kind and its norms decide. Throws where one thing does not fit.
  static func format(for config: Transformer.Config, path: String) throws -> any HuggingFaceFormat {
    let format: any HuggingFaceFormat =
      switch (config.kind, config.norm) {
      case (.encoder, _): MegatronBERTFormat()
      case (_, .layerNorm): GPT2Format()
      case (_, .layerNorm1P): NemotronFormat()
      case (_, .rmsNorm): LlamaFormat()
      }
    try format.check(config, path: path)
    return format
  }
}
