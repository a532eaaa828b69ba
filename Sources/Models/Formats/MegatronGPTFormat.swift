import Checkpoints
import Layers
import Tensors

/// GPT models of Megatron-LM under the names of its core, gathered from all ranks into safetensors, with the
/// arguments of its command line as `args.json`.
///
/// q, k and v are one matrix, group by group: the queries that share a key, that key, its value. A gated feed-forward
/// layer is one matrix, the gate above. Norms belong to the matrix behind them.
struct MegatronGPTFormat: ForeignFormat {
  let name = "Megatron-LM's GPT"
  let configFile = "args.json"
  let copies = [
    TiedCopy(name: "output_layer.weight", original: "embedding.word_embeddings.weight", mayDiffer: true)
  ]

  func layout(_ config: Config) -> TensorLayout {
    let pieces = LayoutPieces(config: config)
    var tensors = pieces.linear("embedding.word_embeddings", "embedding.tokens")
    if config.positions == .learned {
      tensors += pieces.linear("embedding.position_embeddings", "embedding.positions")
    }
    for layer in 0..<config.layers {
      let block = "decoder.layers.\(layer)"
      func linear(_ theirs: String, _ ours: String...) -> [LaidOutTensor] {
        ours.count == 1
          ? pieces.linear("\(block).\(theirs)", ours[0], layer: layer, bias: config.bias)
          : pieces.linear("\(block).\(theirs)", ours[0], ours[1], layer: layer, bias: config.bias)
      }
      tensors += norm(
        pieces, "\(block).self_attention.linear_qkv", or: "\(block).input_layernorm", "attention.norm", layer)
      tensors += queriesKeysValues("\(block).self_attention.linear_qkv", config, layer)
      tensors += linear("self_attention.linear_proj", "attention.output")
      tensors += norm(pieces, "\(block).mlp.linear_fc1", or: "\(block).pre_mlp_layernorm", "mlp.norm", layer)
      tensors +=
        config.activation.isGated
        ? linear("mlp.linear_fc1", "mlp.gate", "mlp.up") : linear("mlp.linear_fc1", "mlp.up")
      tensors += linear("mlp.linear_fc2", "mlp.down")
    }
    tensors += pieces.norm("decoder.final_layernorm", "norm")
    if !config.tiedEmbeddings { tensors += pieces.linear("output_layer", "output") }
    return TensorLayout(tensors, ignoring: ["._extra_state"])
  }

  /// A norm as Transformer Engine names it, or as the core's own layers do.
  private func norm(
    _ pieces: LayoutPieces, _ matrix: String, or module: String, _ ours: String, _ layer: Int
  ) -> [LaidOutTensor] {
    zip(pieces.norm("\(matrix).layer_norm_", ours, layer: layer), pieces.norm(module, ours, layer: layer)).map
    {
      $0.named($0.name.replacing("layer_norm_.", with: "layer_norm_"), or: [$1.name])
    }
  }

  private func queriesKeysValues(_ theirs: String, _ config: Config, _ layer: Int) -> [LaidOutTensor] {
    let groups = config.keyValueHeadCount
    let queries = config.heads / groups * config.headSize
    return (config.bias ? ["weight", "bias"] : ["weight"]).map { kind in
      let pieces = (0..<groups).flatMap { group in
        [("q", queries), ("k", config.headSize), ("v", config.headSize)].map { part, rows in
          LaidOutTensor.Piece(
            "layers.\(layer).attention.\(part).\(kind)", group * rows..<(group + 1) * rows)
        }
      }
      return LaidOutTensor("\(theirs).\(kind)", pieces, columns: kind == "weight" ? config.width : nil)
    }
  }

  func misfit(_ config: Config) -> String? {
    unless("kind", config.kind.rawValue, is: "decoder")
      ?? (config.activation == .gelu && !config.bias
        ? "its activation is gelu without biases, which Megatron-LM computes as gelu_erf" : nil)
  }
}
