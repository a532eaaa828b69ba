import Checkpoints
import JSON
import Layers
import Tensors

/// MegatronBert of transformers, pre-norm as in Megatron-LM (Shoeybi et al. 2019): for pretraining with sentence
/// order, for masked tokens alone, or with a classifier in their place.
struct MegatronBERTFormat: HuggingFaceFormat {
  let modelType = "megatron-bert"
  let architectures = Architecture.allCases.map(\.rawValue)
  let copies = [
    TiedCopy(
      name: "cls.predictions.decoder.weight", original: "bert.embeddings.word_embeddings.weight",
      mayDiffer: true),
    TiedCopy(name: "cls.predictions.decoder.bias", original: "cls.predictions.bias", mayDiffer: false),
  ]

  private enum Architecture: String, CaseIterable {
    case pretraining = "MegatronBertForPreTraining"
    case masked = "MegatronBertForMaskedLM"
    case classifier = "MegatronBertForSequenceClassification"

    init(of config: Config) {
      self = config.classes > 0 ? .classifier : config.sentenceOrder ? .pretraining : .masked
    }
  }

  func architecture(of config: Config) -> String {
    config.choices > 1 ? "MegatronBertForMultipleChoice" : Architecture(of: config).rawValue
  }

  func layout(_ config: Config) -> TensorLayout {
    let pieces = LayoutPieces(config: config)
    var tensors = [("word", "tokens"), ("position", "positions"), ("token_type", "segments")].flatMap {
      pieces.linear("bert.embeddings.\($0)_embeddings", "embedding.\($1)")
    }
    for layer in 0..<config.layers {
      let block = "bert.encoder.layer.\(layer)"
      func linear(_ theirs: String, _ ours: String) -> [LaidOutTensor] {
        pieces.linear("\(block).\(theirs)", ours, layer: layer, bias: true)
      }
      tensors += pieces.norm("\(block).attention.ln", "attention.norm", layer: layer)
      tensors += linear("attention.self.query", "attention.q") + linear("attention.self.key", "attention.k")
      tensors += linear("attention.self.value", "attention.v")
      tensors += linear("attention.output.dense", "attention.output")
      tensors += pieces.norm("\(block).ln", "mlp.norm", layer: layer)
      tensors += linear("intermediate.dense", "mlp.up") + linear("output.dense", "mlp.down")
    }
    tensors += pieces.norm("bert.encoder.ln", "norm") + heads(config, pieces)
    // The bias that an output of its own does not use.
    let unused = config.tiedEmbeddings ? [] : ["cls.predictions.bias"]
    return TensorLayout(tensors, ignoring: [".position_ids"] + unused)
  }

  private func heads(_ config: Config, _ pieces: LayoutPieces) -> [LaidOutTensor] {
    let architecture = Architecture(of: config)
    var tensors: [LaidOutTensor] = []
    if architecture != .classifier {
      tensors += pieces.linear("cls.predictions.transform.dense", "transform", bias: true)
      tensors += pieces.norm("cls.predictions.transform.LayerNorm", "transform.norm")
      tensors +=
        config.tiedEmbeddings
        ? [pieces.vector("cls.predictions.bias", "output.bias", rows: config.vocabulary)]
        : pieces.linear("cls.predictions.decoder", "output", bias: true)
    }
    if architecture != .masked { tensors += pieces.linear("bert.pooler.dense", "pooler", bias: true) }
    switch architecture {
    case .pretraining: tensors += pieces.linear("cls.seq_relationship", "order", bias: true)
    case .classifier: tensors += pieces.linear("classifier", "classifier", bias: true)
    case .masked: break
    }
    return tensors
  }

  func read(_ keys: ForeignConfig) throws -> Config {
    var config = Config()
    config.kind = .encoder
    config.vocabulary = try keys.integer("vocab_size", default: 29056)
    config.width = try keys.integer("hidden_size", default: 1024)
    config.layers = try keys.integer("num_hidden_layers", default: 24)
    config.heads = try keys.integer("num_attention_heads", default: 16)
    config.feedForwardWidth = try keys.integer("intermediate_size", default: 4096)
    config.context = try keys.integer("max_position_embeddings", default: 512)
    config.activation = try keys.choice("hidden_act", default: "gelu", Self.activations)
    config.normEpsilon = try keys.number("layer_norm_eps", default: 1e-12)
    config.initialDeviation = try keys.number("initializer_range", default: 0.02)
    config.dropout = try keys.number("hidden_dropout_prob", default: 0.1)
    config.tiedEmbeddings = try keys.bool("tie_word_embeddings", default: true)
    switch keys.architecture.flatMap(Architecture.init) ?? .pretraining {
    case .pretraining: break
    case .masked: config.sentenceOrder = false
    case .classifier: config.classes = try classes(keys)
    }
    try keys.expect("type_vocab_size", .integer(2))
    try keys.expect("position_embedding_type", .string("absolute"))
    for key in ["is_decoder", "add_cross_attention"] { try keys.expect(key, .bool(false)) }
    return config
  }

  /// As many as have a name; two where none has.
  private func classes(_ keys: ForeignConfig) throws -> Int {
    let names = try keys.section("id2label")?.values.count
    return try keys.integer("num_labels", default: names ?? 2)
  }

  func write(_ config: Config) -> [String: JSONValue] {
    var keys: [String: JSONValue] = [
      "vocab_size": .integer(config.vocabulary), "hidden_size": .integer(config.width),
      "num_hidden_layers": .integer(config.layers), "num_attention_heads": .integer(config.heads),
      "intermediate_size": .integer(config.innerWidth), "max_position_embeddings": .integer(config.context),
      "hidden_act": .string(Self.name(of: config.activation) ?? "gelu"), "type_vocab_size": .integer(2),
      // transformers would take 1e-12, which Megatron-LM does not train with.
      "layer_norm_eps": .number(config.normEpsilon), "initializer_range": .number(config.initialDeviation),
      "hidden_dropout_prob": .number(config.dropout), "attention_probs_dropout_prob": .number(config.dropout),
      "tie_word_embeddings": .bool(config.tiedEmbeddings),
    ]
    if config.classes > 0 {
      let names = (0..<config.classes).map { "LABEL_\($0)" }
      keys["id2label"] = .object(
        names.enumerated().map { JSONMember(String($0.offset), .string($0.element)) })
      keys["label2id"] = .object(names.enumerated().map { JSONMember($0.element, .integer($0.offset)) })
    }
    return keys
  }

  func misfit(_ config: Config) -> String? {
    unless("norm", config.norm.rawValue, is: "layer_norm")
      ?? unless("positions", config.positions.rawValue, is: "learned") ?? unless(
        "bias", config.bias, is: true)
      ?? unless("key_value_heads", config.keyValueHeadCount, is: config.heads)
      ?? (config.choices == 1
        ? nil
        : "its choices is \(config.choices), expected 1: models of several choices are not supported there")
      ?? misfitOfHeads(config)
  }
}
