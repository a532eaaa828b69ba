import Checkpoints
import JSON
import Layers
import Tensors

/// LlamaForCausalLM of transformers.
struct LlamaFormat: HuggingFaceFormat {
  let modelType = "llama"
  let architectures = ["LlamaForCausalLM"]
  let copies = RotaryDecoder.copies

  func layout(_ config: Config) -> TensorLayout { RotaryDecoder.layout(config) }

  func read(_ keys: ForeignConfig) throws -> Config {
    var config = try RotaryDecoder.read(
      keys, vocabulary: 32000, width: 4096, inner: 11008, layers: 32, heads: 32, context: 2048)
    config.norm = .rmsNorm
    config.normEpsilon = try keys.number("rms_norm_eps", default: 1e-6)
    config.initialDeviation = try keys.number("initializer_range", default: 0.02)
    config.activation = try keys.choice(
      "hidden_act", default: "silu", ["silu": Activation.swiglu, "swish": .swiglu])
    try RotaryKeys.read(keys, into: &config, fraction: 1)
    // Written by some, read by nobody: transformers turns whole heads.
    config.rotaryFraction = 1
    return config
  }

  func write(_ config: Config) -> [String: JSONValue] {
    RotaryDecoder.write(config).merging([
      "rms_norm_eps": .number(config.normEpsilon), "hidden_act": .string("silu"),
    ]) { first, _ in first }
  }

  func misfit(_ config: Config) -> String? {
    unless("norm", config.norm.rawValue, is: "rms_norm")
      ?? unless("positions", config.positions.rawValue, is: "rotary")
      ?? unless("rotary_fraction", config.rotaryFraction, is: 1)
      ?? unless("activation", config.activation.rawValue, is: "swiglu")
  }
}
