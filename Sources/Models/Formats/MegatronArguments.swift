import JSON
import Layers
import Tensors

// The arguments of Megatron-LM's command line, as its checkpoints keep them, that say what a model computes.
extension MegatronGPTFormat {
  func read(_ keys: ForeignConfig) throws -> Config {
    var config = Config()
    config.vocabulary = try keys.integer("padded_vocab_size")
    config.width = try keys.integer("hidden_size")
    config.layers = try keys.integer("num_layers")
    config.heads = try keys.integer("num_attention_heads")
    config.headWidth = try keys.optionalInteger("kv_channels")
    config.context = try keys.optionalInteger("max_position_embeddings") ?? keys.integer("seq_length")
    config.bias = try keys.bool("add_bias_linear", default: true)
    config.tiedEmbeddings = try !keys.bool("untie_embeddings_and_output_weights", default: false)
    config.dropout = try keys.number("hidden_dropout", default: 0.1)
    config.initialDeviation = try keys.number("init_method_std", default: 0.02)
    config.normEpsilon =
      try keys.optionalNumber("norm_epsilon") ?? keys.number("layernorm_epsilon", default: 1e-5)
    if try keys.bool("group_query_attention", default: false) {
      config.keyValueHeads = try keys.integer("num_query_groups", default: 1)
    }
    try readNorm(keys, &config)
    try readPositions(keys, &config)
    try readFeedForward(keys, &config)
    try expectPlain(keys, config)
    return config
  }

  private func readNorm(_ keys: ForeignConfig, _ config: inout Config) throws {
    config.norm = try keys.choice(
      "normalization", default: "LayerNorm", ["LayerNorm": NormKind.layerNorm, "RMSNorm": .rmsNorm])
    if try keys.bool("apply_layernorm_1p", default: false) {
      guard config.norm == .layerNorm else {
        throw keys.failure("apply_layernorm_1p is true with RMSNorm, expected LayerNorm")
      }
      config.norm = .layerNorm1P
    }
  }

  private func readPositions(_ keys: ForeignConfig, _ config: inout Config) throws {
    config.positions = try keys.choice(
      "position_embedding_type", default: "learned_absolute",
      ["learned_absolute": Transformer.Positions.learned, "rope": .rotary])
    config.rotaryFraction = try keys.number("rotary_percent", default: 1)
    config.rotaryBase = try keys.number("rotary_base", default: 10000)
  }

  private func readFeedForward(_ keys: ForeignConfig, _ config: inout Config) throws {
    let isGated = try keys.bool("swiglu", default: false)
    let isSquared = try keys.bool("squared_relu", default: false)
    // The fused bias and GELU is the one that takes tanh.
    let takesTanh = try config.bias && keys.bool("bias_gelu_fusion", default: true)
    config.activation = isGated ? .swiglu : isSquared ? .squaredReLU : takesTanh ? .gelu : .geluErf
    if isGated, isSquared {
      throw keys.failure("both swiglu and squared_relu are true, expected one at most")
    }
    config.feedForwardWidth =
      isGated ? try keys.integer("ffn_hidden_size") : try keys.optionalInteger("ffn_hidden_size")
  }

  /// Throws where an argument asks for another computation than these models'.
  private func expectPlain(_ keys: ForeignConfig, _ config: Config) throws {
    for key in [
      "rotary_interleaved", "use_rope_scaling", "qk_layernorm", "multi_latent_attention", "openai_gelu",
      "apply_residual_connection_post_layernorm", "attention_output_gate", "qk_l2_norm", "quick_geglu",
    ] { try keys.expect(key, .bool(false)) }
    try keys.expect("softmax_type", .string("vanilla"))
    guard try keys.number("glu_linear_offset", default: 0) == 0 else {
      throw keys.failure("glu_linear_offset is not 0: no model here is computed with it")
    }
    if !config.bias { try keys.expect("add_qkv_bias", .bool(false)) }
    try keys.expectNone(
      "num_experts", "rotary_seq_len_interpolation_factor", "window_size", "no_rope_freq",
      "activation_func_clamp_value")
  }

  func write(_ config: Config) -> [String: JSONValue] {
    let isGrouped = config.keyValueHeadCount != config.heads
    let multiple = (0...7).map { 1 << $0 }.last { config.vocabulary.isMultiple(of: $0) } ?? 1
    return [
      "padded_vocab_size": .integer(config.vocabulary), "make_vocab_size_divisible_by": .integer(multiple),
      "hidden_size": .integer(config.width), "num_layers": .integer(config.layers),
      "num_attention_heads": .integer(config.heads), "kv_channels": .integer(config.headSize),
      "ffn_hidden_size": .integer(config.innerWidth), "group_query_attention": .bool(isGrouped),
      "num_query_groups": .integer(isGrouped ? config.keyValueHeadCount : 1),
      "max_position_embeddings": .integer(config.context), "seq_length": .integer(config.context),
      "position_embedding_type": .string(config.positions == .learned ? "learned_absolute" : "rope"),
      "rotary_percent": .number(config.rotaryFraction), "rotary_base": .number(config.rotaryBase),
      "normalization": .string(config.norm == .rmsNorm ? "RMSNorm" : "LayerNorm"),
      "apply_layernorm_1p": .bool(config.norm == .layerNorm1P), "norm_epsilon": .number(config.normEpsilon),
      "swiglu": .bool(config.activation == .swiglu), "squared_relu": .bool(config.activation == .squaredReLU),
      "bias_gelu_fusion": .bool(config.activation == .gelu), "add_bias_linear": .bool(config.bias),
      "untie_embeddings_and_output_weights": .bool(!config.tiedEmbeddings),
      "hidden_dropout": .number(config.dropout), "attention_dropout": .number(config.dropout),
      "init_method_std": .number(config.initialDeviation),
    ]
  }
}
