import Checkpoints
import JSON
import Layers
import Tensors

/// NemotronForCausalLM of transformers. Its LayerNorm1P keeps gains less one, as ours does.
struct NemotronFormat: HuggingFaceFormat {
  let modelType = "nemotron"
  let architectures = ["NemotronForCausalLM"]
  let copies = RotaryDecoder.copies

  func layout(_ config: Config) -> TensorLayout { RotaryDecoder.layout(config) }

  func read(_ keys: ForeignConfig) throws -> Config {
    var config = try RotaryDecoder.read(
      keys, vocabulary: 256_000, width: 6144, inner: 24576, layers: 32, heads: 48, context: 4096)
    config.norm = .layerNorm1P
    config.normEpsilon = try keys.number("norm_eps", default: 1e-5)
    config.initialDeviation = try keys.number("initializer_range", default: 0.0134)
    config.activation = try keys.choice("hidden_act", default: "relu2", Self.activations)
    try RotaryKeys.read(keys, into: &config, fraction: 0.5)
    return config
  }

  func write(_ config: Config) -> [String: JSONValue] {
    RotaryDecoder.write(config).merging([
      "norm_eps": .number(config.normEpsilon),
      "hidden_act": .string(Self.name(of: config.activation) ?? "relu2"),
    ]) { first, _ in first }
  }

  func misfit(_ config: Config) -> String? {
    unless("norm", config.norm.rawValue, is: "layer_norm_1p")
      ?? unless("positions", config.positions.rawValue, is: "rotary")
      ?? unless("gate", config.activation.isGated, is: false)
  }
}
