import Checkpoints
import Foundation
import JSON
import Layers
import Tensors
import TestSupport
import Testing

@testable import Models

/// What goes wrong when one converts models, one test each.
@Suite struct FormatTrapTests {
  private let device = Device(threads: 1)

  /// The tensors of a fixture under our names.
  private func ours(_ fixture: FormatFixture, _ scratch: Scratch) throws -> [String: TensorBytes] {
    try fixture.stored.writeAsOurs(to: scratch.file("ours"))
    return try TensorBytes.of(directory: scratch.file("ours"))
  }

  @Test("LayerNorm1P keeps gains less one on both sides, and has biases where linear layers have none")
  func layerNorm1P() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "nemotron")
    let ours = try ours(fixture, scratch), theirs = try TensorBytes.of(directory: fixture.path)
    for (our, their) in [
      ("layers.1.attention.norm", "model.layers.1.input_layernorm"),
      ("layers.1.mlp.norm", "model.layers.1.post_attention_layernorm"), ("norm", "model.norm"),
    ] {
      for kind in ["weight", "bias"] {
        let tensor = try #require(theirs["\(their).\(kind)"])
        #expect(ours["\(our).\(kind)"] == tensor)
        // About zero, for it is γ − 1 that is kept, and not at zero.
        #expect(try abs(tensor.floats.reduce(0, +) / 16) < 0.3 && tensor.floats.contains { abs($0) > 0.2 })
      }
    }
    #expect(!ours.keys.contains { $0.hasSuffix("bias") && !$0.hasSuffix("norm.bias") })
  }

  @Test("num_key_value_heads is written, also where every head has its own")
  func keyValueHeads() throws {
    let scratch = try Scratch()
    var config = Transformer.Config()
    config.norm = .layerNorm1P
    config.positions = .rotary
    config.activation = .squaredReLU
    let keys = NemotronFormat().write(config)
    #expect(keys["num_key_value_heads"] == .integer(12) && keys["head_dim"] == .integer(64))
    // Where another program left it out, each head has its own.
    let path = try scratch.copy(FormatFixture(name: "llama"), ["num_key_value_heads": nil as Any?])
    #expect(try ModelDirectory(path).config.keyValueHeadCount == 4)
  }

  @Test("rotary keys are written as transformers 4 reads them and as 5 does; either is read")
  func rotaryKeys() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "nemotron")
    try fixture.stored.write(as: .huggingFace, .init(), to: scratch.file("back"))
    let keys = try scratch.json("back/config.json")
    #expect(keys["rope_theta"] as? Double == 500 && keys["partial_rotary_factor"] as? Double == 0.5)
    let parameters = try #require(keys["rope_parameters"] as? [String: Any])
    #expect(
      parameters["rope_theta"] as? Double == 500 && parameters["partial_rotary_factor"] as? Double == 0.5)
    let old: [String: Any?] = [
      "rope_parameters": nil as Any?, "rope_theta": 500, "partial_rotary_factor": 0.5,
      "rope_scaling": NSNull(),
    ]
    #expect(try fixture.error(of: ModelDirectory(scratch.copy(fixture, old)).load(on: device)) < 1e-5)
    // The defaults of its family where nobody says a word.
    let bare = try ModelDirectory(scratch.copy(fixture, ["rope_parameters": nil as Any?])).config
    #expect(bare.rotaryBase == 10000 && bare.rotaryFraction == 0.5)
  }

  @Test("Conv1D keeps matrices turned, q, k and v side by side")
  func conv1D() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "gpt2")
    let ours = try ours(fixture, scratch), theirs = try TensorBytes.of(directory: fixture.path)
    let fused = try #require(theirs["transformer.h.0.attn.c_attn.weight"])
    #expect(fused.form.shape == [16, 48])
    for (index, part) in ["q", "k", "v"].enumerated() {
      let matrix = try #require(ours["layers.0.attention.\(part).weight"])
      #expect(matrix.form.shape == [16, 16])
      for row in 0..<16 {
        for column in 0..<16 {
          #expect(try matrix.floats[row * 16 + column] == fused.floats[column * 48 + index * 16 + row])
        }
      }
    }
    #expect(theirs["transformer.h.1.mlp.c_fc.weight"]?.form.shape == [16, 24])
    #expect(ours["layers.1.mlp.up.weight"]?.form.shape == [24, 16])
  }

  @Test("a tied output is left out; written out it must be the table, or the model is not tied")
  func tied() throws {
    let scratch = try Scratch()
    for (fixture, output, table) in [
      (FormatFixture(name: "gpt2"), "lm_head.weight", "transformer.wte.weight"),
      (FormatFixture(name: "llama"), "lm_head.weight", "model.embed_tokens.weight"),
      (
        FormatFixture(name: "megatron_bert_masked"), "cls.predictions.decoder.weight",
        "bert.embeddings.word_embeddings.weight"
      ),
    ] {
      var tensors = try TensorBytes.of(directory: fixture.path)
      #expect(tensors[output] == nil)
      let path = try scratch.copy(fixture)
      tensors[output] = tensors[table]
      if output.hasPrefix("cls") { tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"] }
      try TensorBytes.write(tensors, to: "\(path)/model.safetensors")
      let equal = try ModelDirectory(path)
      #expect(equal.config.tiedEmbeddings)
      #expect(try fixture.error(of: equal.load(on: device)) < 1e-5)
      let other = try #require(tensors[table])
      // The table's numbers the other way round: bytes alone would be no numbers.
      tensors[output] = TensorBytes(
        form: other.form,
        bytes: stride(from: other.bytes.count - 4, through: 0, by: -4).flatMap { other.bytes[$0..<$0 + 4] })
      try TensorBytes.write(tensors, to: "\(path)/model.safetensors")
      let different = try ModelDirectory(path)
      #expect(!different.config.tiedEmbeddings)
      try #expect(different.stored().weights.parameters.keys.contains("output.weight"))
      #expect(try fixture.error(of: different.load(on: device)) > 0.01)
    }
  }

  @Test("an output bias that is tied must be the one it is tied to")
  func tiedBias() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "megatron_bert_masked")
    var tensors = try TensorBytes.of(directory: fixture.path)
    tensors["cls.predictions.decoder.bias"] = TensorBytes(
      form: TensorForm(.f32, [21]), bytes: [UInt8](repeating: 0, count: 84))
    let path = try scratch.copy(fixture)
    try TensorBytes.write(tensors, to: "\(path)/model.safetensors")
    let failure = #expect(throws: ModelDirectory.Failure.self) { try ModelDirectory(path) }
    #expect(failure?.description.contains("cls.predictions.decoder.bias is not cls.predictions.bias") == true)
  }

  @Test("the hub's gpt2 has no prefix, and masks that say nothing")
  func hubNames() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "gpt2")
    var tensors: [String: TensorBytes] = [:]
    for (name, tensor) in try TensorBytes.of(directory: fixture.path) {
      tensors[String(name.dropFirst("transformer.".count))] = tensor
    }
    for layer in 0..<2 {
      tensors["h.\(layer).attn.bias"] = TensorBytes(
        form: TensorForm(.u8, [1, 1, 12, 12]), bytes: [UInt8](repeating: 1, count: 144))
      tensors["h.\(layer).attn.masked_bias"] = TensorBytes(form: TensorForm(.f32, []), bytes: [0, 0, 0, 0])
    }
    tensors["lm_head.weight"] = tensors["wte.weight"]
    let path = try scratch.copy(fixture)
    try TensorBytes.write(tensors, to: "\(path)/model.safetensors")
    let directory = try ModelDirectory(path)
    #expect(directory.config.tiedEmbeddings)
    #expect(try fixture.error(of: directory.load(on: device)) < 1e-5)
    try directory.stored().write(as: .huggingFace, .init(), to: scratch.file("back"))
    #expect(try TensorBytes.of(directory: scratch.file("back")) == TensorBytes.of(directory: fixture.path))
  }

  @Test("rows of the table behind the tokenizer's are left out when asked, and the same logits remain")
  func paddedVocabulary() throws {
    let scratch = try Scratch()
    for name in ["gpt2", "gpt2_untied", "llama", "megatron_bert"] {
      let fixture = FormatFixture(name: name)
      var options = StoredModel.Options()
      options.vocabulary = 17
      let target = scratch.file(name)
      try fixture.stored.write(as: .huggingFace, options, to: target)
      let trimmed = try ModelDirectory(target)
      #expect(trimmed.config.vocabulary == 17)
      let whole = try ModelDirectory(fixture.path).load(on: device), model = try trimmed.load(on: device)
      let given = try fixture.microbatch(on: device)
      let microbatch = Microbatch(
        ids: Tensor(given.ids.integers.map { $0 % 17 }, given.ids.shape, on: device),
        positions: given.positions,
        segments: given.segments, sequences: given.sequences, length: given.length, visible: given.visible)
      let all = whole.logits(microbatch).floats, some = model.logits(microbatch).floats
      for (index, logit) in some.enumerated() {
        let row = index / 17, column = index % 17
        #expect(logit == all[row * 21 + column])
      }
    }
  }

  @Test("the epsilon of MegatronBert is written as it was trained with, and decoder.* is not written")
  func megatronBERT() throws {
    let scratch = try Scratch()
    for (name, epsilon, architecture) in [
      ("megatron_bert", 1e-5, "MegatronBertForPreTraining"),
      ("megatron_bert_masked", 1e-12, "MegatronBertForMaskedLM"),
    ] {
      try FormatFixture(name: name).stored.write(as: .huggingFace, .init(), to: scratch.file(name))
      let keys = try scratch.json("\(name)/config.json")
      #expect(keys["layer_norm_eps"] as? Double == epsilon)
      #expect(keys["architectures"] as? [String] == [architecture])
      let tensors = try SafetensorsSet(directory: scratch.file(name)).tensors
      #expect(!tensors.keys.contains { $0.hasPrefix("cls.predictions.decoder") })
      #expect(
        tensors.keys.contains("bert.pooler.dense.weight") == (architecture == "MegatronBertForPreTraining"))
    }
  }

  @Test("a classifier goes out and comes in as MegatronBertForSequenceClassification")
  func classifier() throws {
    let scratch = try Scratch()
    var config = try ModelDirectory(FormatFixture(name: "megatron_bert").path).config
    config.classes = 3
    let model = Transformer(config, isTrained: false, on: device)
    model.store.initialize(seed: 5)
    try ModelDirectory.write(model, to: scratch.file("ours"))
    try ModelDirectory(scratch.file("ours")).stored().write(as: .huggingFace, .init(), to: scratch.file("hf"))
    let back = try ModelDirectory(scratch.file("hf"))
    #expect(back.config.classes == 3)
    #expect(
      try scratch.json("hf/config.json")["architectures"] as? [String] == [
        "MegatronBertForSequenceClassification"
      ])
    let read = try back.load(on: device)
    #expect(read.store.values.floats == model.store.values.floats)
  }

  @Test("an empty rope_scaling does not hide rope_parameters")
  func emptyScaling() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "nemotron")
    let path = try scratch.copy(fixture, ["rope_scaling": [String: Any]()])
    #expect(try ModelDirectory(path).config.rotaryBase == 500)
    #expect(try fixture.error(of: ModelDirectory(path).load(on: device)) < 1e-5)
  }

  @Test("a new task's classifier begins anew, whatever classifier the model has; one in use is read")
  func newTask() throws {
    let scratch = try Scratch()
    var config = try ModelDirectory(FormatFixture(name: "megatron_bert").path).config
    config.classes = 3
    let old = Transformer(config, isTrained: false, on: device)
    old.store.initialize(seed: 5)
    try ModelDirectory.write(old, to: scratch.file("old"))
    for classes in [3, 2] {
      config.classes = classes
      let new = Transformer(config, isTrained: false, on: device)
      new.store.initialize(seed: 6)
      let first = new.store.named(in: new.store.values).filter { $0.name.hasPrefix("classifier.") }
        .map { ($0.name, $0.tensor.floats) }
      try ModelDirectory.readWeights(at: scratch.file("old"), into: new, forNewTask: true)
      let theirs = Dictionary(old.store.named(in: old.store.values).map { ($0.name, $0.tensor.floats) }) {
        $1
      }
      #expect(first.count == 2)
      for tensor in new.store.named(in: new.store.values) {
        let kept = first.first { $0.0 == tensor.name }?.1
        #expect(tensor.tensor.floats == kept ?? theirs[tensor.name], "\(tensor.name)")
      }
    }
    let read = try ModelDirectory(scratch.file("old")).load(on: device)
    #expect(read.store.values.floats == old.store.values.floats)
    config.classes = 2
    #expect(throws: (any Error).self) {
      try ModelDirectory.readWeights(
        at: scratch.file("old"), into: Transformer(config, isTrained: false, on: device))
    }
  }

  @Test("Megatron-LM's q, k and v lie group by group: the group's queries, its key, its value")
  func groupedQueries() throws {
    var config = Transformer.Config()
    (config.layers, config.width, config.heads, config.keyValueHeads, config.vocabulary) = (1, 24, 6, 2, 10)
    let fused = MegatronGPTFormat().layout(config).tensors.filter { $0.name.contains("linear_qkv.weight") }
    let expected: [LaidOutTensor.Piece] = [
      .init("layers.0.attention.q.weight", 0..<12), .init("layers.0.attention.k.weight", 0..<4),
      .init("layers.0.attention.v.weight", 0..<4), .init("layers.0.attention.q.weight", 12..<24),
      .init("layers.0.attention.k.weight", 4..<8), .init("layers.0.attention.v.weight", 4..<8),
    ]
    #expect(fused.map(\.pieces) == [expected] && fused[0].shape == [40, 24])
    config.activation = .swiglu
    let gated = MegatronGPTFormat().layout(config).tensors.first { $0.name.hasSuffix("linear_fc1.weight") }
    #expect(gated?.pieces.map(\.parameter) == ["layers.0.mlp.gate.weight", "layers.0.mlp.up.weight"])
  }

  @Test("Megatron-LM's own layers name norms otherwise; that is read, too")
  func megatronLocalNames() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "gpt2")
    try fixture.stored.write(as: .megatron, .init(), to: scratch.file("megatron"))
    var renamed: [String: TensorBytes] = [
      "decoder.layers.0.self_attention.linear_qkv._extra_state":
        TensorBytes(form: TensorForm(.u8, [0]), bytes: [])
    ]
    for (name, tensor) in try TensorBytes.of(directory: scratch.file("megatron")) {
      let local = name.replacing("self_attention.linear_qkv.layer_norm_", with: "input_layernorm.")
        .replacing("mlp.linear_fc1.layer_norm_", with: "pre_mlp_layernorm.")
      renamed[local] = tensor
    }
    #expect(renamed.keys.contains("decoder.layers.1.pre_mlp_layernorm.bias"))
    try TensorBytes.write(renamed, to: scratch.file("megatron/model.safetensors"))
    #expect(try fixture.error(of: ModelDirectory(scratch.file("megatron")).load(on: device)) < 1e-5)
  }

  /// Models of every family and of every option that changes which tensors there are.
  static var shapes: [(any ForeignFormat, Transformer.Config)] {
    var base = Transformer.Config()
    (base.layers, base.width, base.heads, base.vocabulary, base.context) = (2, 24, 6, 19, 9)
    func variant(_ change: (inout Transformer.Config) -> Void) -> Transformer.Config {
      var config = base
      change(&config)
      return config
    }
    func rotary(_ norm: NormKind, _ activation: Activation, bias: Bool, tied: Bool) -> Transformer.Config {
      variant {
        ($0.norm, $0.activation, $0.bias, $0.tiedEmbeddings) = (norm, activation, bias, tied)
        ($0.positions, $0.keyValueHeads, $0.headWidth, $0.feedForwardWidth) = (.rotary, 3, 6, 40)
      }
    }
    let decoders = [true, false].flatMap { tied in
      [true, false].flatMap { bias in
        [
          (NemotronFormat() as any ForeignFormat, rotary(.layerNorm1P, .squaredReLU, bias: bias, tied: tied)),
          (LlamaFormat(), rotary(.rmsNorm, .swiglu, bias: bias, tied: tied)),
          (MegatronGPTFormat(), rotary(.rmsNorm, .swiglu, bias: bias, tied: tied)),
          (MegatronGPTFormat(), rotary(.layerNorm, .geluErf, bias: bias, tied: tied)),
        ]
      } + [
        (GPT2Format(), variant { $0.tiedEmbeddings = tied }),
        (MegatronGPTFormat(), variant { $0.tiedEmbeddings = tied }),
      ]
    }
    let encoders = [(0, true, true), (0, false, true), (0, true, false), (4, true, true)].map {
      classes, order, tied in
      (
        MegatronBERTFormat() as any ForeignFormat,
        variant {
          ($0.kind, $0.classes, $0.sentenceOrder, $0.tiedEmbeddings) = (.encoder, classes, order, tied)
        }
      )
    }
    return decoders + encoders
  }

  @Test("a layout has every row of every parameter of the model once, and nothing else", arguments: 0..<24)
  func completeness(index: Int) throws {
    let (format, config) = try #require(Self.shapes.indices.contains(index) ? Self.shapes[index] : nil)
    #expect(format.misfit(config) == nil)
    var rows: [String: [Int]] = [:]
    var columns: [String: Int?] = [:]
    for tensor in format.layout(config).tensors {
      for piece in tensor.pieces {
        rows[piece.parameter, default: []] += Array(piece.rows)
        columns[piece.parameter] = tensor.columns
      }
    }
    let parts = Transformer(config, isTrained: false, on: device).store.parts.map(\.part)
    #expect(Set(rows.keys) == Set(parts.map(\.name)))
    for part in parts {
      let shape = part.whole.dimensions
      #expect(rows[part.name]?.sorted() == Array(0..<shape[0]), "\(part.name)")
      #expect(columns[part.name] == .some(shape.dropFirst().first), "\(part.name)")
    }
    // What is written is read as the same shape.
    let written = ForeignConfig(
      "a", format.write(config).merging(architecture(format, config)) { first, _ in first })
    var read = try format.read(written)
    (read.keyValueHeads, read.headWidth, read.feedForwardWidth) = (
      read.keyValueHeadCount, read.headSize, read.innerWidth
    )
    var same = config
    (same.keyValueHeads, same.headWidth, same.feedForwardWidth) = (
      same.keyValueHeadCount, same.headSize, same.innerWidth
    )
    if config.positions == .learned {
      (read.rotaryBase, read.rotaryFraction) = (same.rotaryBase, same.rotaryFraction)
    }
    #expect(read == same)
  }

  private func architecture(_ format: any ForeignFormat, _ config: Transformer.Config) -> [String: JSONValue]
  {
    (format as? any HuggingFaceFormat).map {
      ["architectures": .array([.string($0.architecture(of: config))])]
    } ?? [:]
  }
}
