import Checkpoints
import JSON
import Layers

/// What Llama and the families that follow it have in common: names of tensors and keys.
enum RotaryDecoder {
  static let copies = [
    TiedCopy(name: "lm_head.weight", original: "model.embed_tokens.weight", mayDiffer: true)
  ]

  static func layout(_ config: Transformer.Config) -> TensorLayout {
    let pieces = LayoutPieces(config: config)
    var tensors = pieces.linear("model.embed_tokens", "embedding.tokens")
    for layer in 0..<config.layers {
      let block = "model.layers.\(layer)"
      func linear(_ theirs: String, _ ours: String) -> [LaidOutTensor] {
        pieces.linear("\(block).\(theirs)", ours, layer: layer, bias: config.bias)
      }
      tensors += pieces.norm("\(block).input_layernorm", "attention.norm", layer: layer)
      tensors += linear("self_attn.q_proj", "attention.q") + linear("self_attn.k_proj", "attention.k")
      tensors += linear("self_attn.v_proj", "attention.v") + linear("self_attn.o_proj", "attention.output")
      tensors += pieces.norm("\(block).post_attention_layernorm", "mlp.norm", layer: layer)
      if config.activation.isGated { tensors += linear("mlp.gate_proj", "mlp.gate") }
      tensors += linear("mlp.up_proj", "mlp.up") + linear("mlp.down_proj", "mlp.down")
    }
    tensors += pieces.norm("model.norm", "norm")
    if !config.tiedEmbeddings { tensors += pieces.linear("lm_head", "output") }
    return TensorLayout(tensors, ignoring: [".rotary_emb.inv_freq"])
  }

  /// The keys that the families share, of a model whose missing keys have these values.
  static func read(
    _ keys: ForeignConfig, vocabulary: Int, width: Int, inner: Int, layers: Int, heads: Int, context: Int
  ) throws -> Transformer.Config {
    var config = Transformer.Config()
    config.vocabulary = try keys.integer("vocab_size", default: vocabulary)
    config.width = try keys.integer("hidden_size", default: width)
    config.feedForwardWidth = try keys.integer("intermediate_size", default: inner)
    config.layers = try keys.integer("num_hidden_layers", default: layers)
    config.heads = try keys.integer("num_attention_heads", default: heads)
    config.keyValueHeads = try keys.optionalInteger("num_key_value_heads")
    config.headWidth = try keys.optionalInteger("head_dim")
    config.context = try keys.integer("max_position_embeddings", default: context)
    config.dropout = try keys.number("attention_dropout", default: 0)
    config.tiedEmbeddings = try keys.bool("tie_word_embeddings", default: false)
    config.bias = try keys.bool("attention_bias", default: false)
    let innerBias = try keys.bool("mlp_bias", default: false)
    guard innerBias == config.bias else {
      throw keys.failure("attention_bias is \(config.bias) and mlp_bias is \(innerBias), expected both alike")
    }
    try keys.expectNone("sliding_window")
    return config
  }

  static func write(_ config: Transformer.Config) -> [String: JSONValue] {
    RotaryKeys.write(config).merging([
      "vocab_size": .integer(config.vocabulary), "hidden_size": .integer(config.width),
      "intermediate_size": .integer(config.innerWidth), "num_hidden_layers": .integer(config.layers),
      "num_attention_heads": .integer(config.heads), "head_dim": .integer(config.headSize),
      // Null crashes NemotronForCausalLM.
      "num_key_value_heads": .integer(config.keyValueHeadCount),
      "max_position_embeddings": .integer(config.context), "attention_dropout": .number(config.dropout),
      "tie_word_embeddings": .bool(config.tiedEmbeddings), "attention_bias": .bool(config.bias),
      "mlp_bias": .bool(config.bias), "initializer_range": .number(config.initialDeviation),
    ]) { first, _ in first }
  }
}
