import Checkpoints
import JSON
import Layers

/// GPT2LMHeadModel of transformers. Its linear layers are `Conv1D`, which keeps weights as [in, out], and q, k and v
/// are one of them.
struct GPT2Format: HuggingFaceFormat {
  let modelType = "gpt2"
  let architectures = ["GPT2LMHeadModel"]
  let copies = [
    TiedCopy(
      name: "lm_head.weight", original: "transformer.wte.weight", otherNames: ["wte.weight"], mayDiffer: true)
  ]

  func layout(_ config: Config) -> TensorLayout {
    let pieces = LayoutPieces(config: config)
    var tensors = pieces.linear("transformer.wte", "embedding.tokens")
    tensors += pieces.linear("transformer.wpe", "embedding.positions")
    for layer in 0..<config.layers {
      let block = "transformer.h.\(layer)"
      func linear(_ theirs: String, _ ours: String) -> [LaidOutTensor] {
        pieces.linear("\(block).\(theirs)", ours, layer: layer, bias: true, isTransposed: true)
      }
      tensors += pieces.norm("\(block).ln_1", "attention.norm", layer: layer)
      tensors += pieces.linear(
        "\(block).attn.c_attn", "attention.q", "attention.k", "attention.v", layer: layer, bias: true,
        isTransposed: true)
      tensors += linear("attn.c_proj", "attention.output")
      tensors += pieces.norm("\(block).ln_2", "mlp.norm", layer: layer)
      tensors += linear("mlp.c_fc", "mlp.up") + linear("mlp.c_proj", "mlp.down")
    }
    tensors += pieces.norm("transformer.ln_f", "norm")
    // As the hub's `gpt2` has them.
    let prefix = "transformer."
    tensors = tensors.map { $0.named($0.name, or: [String($0.name.dropFirst(prefix.count))]) }
    if !config.tiedEmbeddings { tensors += pieces.linear("lm_head", "output") }
    // Masks that older versions kept.
    return TensorLayout(tensors, ignoring: [".attn.bias", ".attn.masked_bias"])
  }

  func read(_ keys: ForeignConfig) throws -> Config {
    var config = Config()
    config.vocabulary = try keys.integer("vocab_size", default: 50257)
    config.context = try keys.integer("n_positions", or: "max_position_embeddings", default: 1024)
    config.width = try keys.integer("n_embd", or: "hidden_size", default: 768)
    config.layers = try keys.integer("n_layer", or: "num_hidden_layers", default: 12)
    config.heads = try keys.integer("n_head", or: "num_attention_heads", default: 12)
    config.feedForwardWidth = try keys.optionalInteger("n_inner")
    config.activation = try keys.choice("activation_function", default: "gelu_new", Self.activations)
    config.normEpsilon = try keys.number("layer_norm_epsilon", default: 1e-5)
    config.initialDeviation = try keys.number("initializer_range", default: 0.02)
    // These models have one rate for all. It does not change what a model computes in use.
    config.dropout = try keys.number("resid_pdrop", default: 0.1)
    config.tiedEmbeddings = try keys.bool("tie_word_embeddings", default: true)
    try keys.expect("scale_attn_weights", .bool(true))
    try keys.expect("scale_attn_by_inverse_layer_idx", .bool(false))
    try keys.expect("add_cross_attention", .bool(false))
    return config
  }

  func write(_ config: Config) -> [String: JSONValue] {
    var keys: [String: JSONValue] = [
      "vocab_size": .integer(config.vocabulary), "n_positions": .integer(config.context),
      "n_ctx": .integer(config.context), "n_embd": .integer(config.width), "n_layer": .integer(config.layers),
      "n_head": .integer(config.heads), "n_inner": config.feedForwardWidth.map { .integer($0) } ?? .null,
      "activation_function": .string(Self.name(of: config.activation) ?? "gelu_new"),
      "layer_norm_epsilon": .number(config.normEpsilon),
      "initializer_range": .number(config.initialDeviation),
      "tie_word_embeddings": .bool(config.tiedEmbeddings), "scale_attn_weights": .bool(true),
    ]
    for key in ["resid_pdrop", "embd_pdrop", "attn_pdrop"] { keys[key] = .number(config.dropout) }
    return keys
  }

  func misfit(_ config: Config) -> String? {
    unless("norm", config.norm.rawValue, is: "layer_norm")
      ?? unless("positions", config.positions.rawValue, is: "learned") ?? unless(
        "bias", config.bias, is: true)
      ?? unless("gate", config.activation.isGated, is: false)
      ?? unless("key_value_heads", config.keyValueHeadCount, is: config.heads)
      ?? misfitOfHeads(config)
  }
}
