import Checkpoints
import Files
import Foundation
import Tensors
import Testing

@testable import Models

/// A change of a model's `config.json` that must be refused by name.
struct BadConfig: CustomTestStringConvertible, Sendable {
  let fixture: String
  let key: String
  /// JSON; nil: the key is removed.
  let value: String?
  let says: [String]

  init(_ fixture: String, _ key: String, _ value: String?, says: String...) {
    self.fixture = fixture
    self.key = key
    self.value = value
    self.says = says
  }

  var testDescription: String { "\(fixture): \(key) \(value ?? "removed")" }

  static let all = [
    BadConfig(
      "gpt2", "model_type", #""bloom""#, says: "model_type is \"bloom\"", "gpt2 or nemotron or llama"),
    BadConfig("gpt2", "model_type", nil, says: "lacks model_type"),
    BadConfig("gpt2", "architectures", #"["GPT2ForTokenClassification"]"#, says: "GPT2LMHeadModel"),
    BadConfig("gpt2", "n_embd", #""wide""#, says: "n_embd is \"wide\", expected a whole number"),
    BadConfig("gpt2", "n_embd", "16.5", says: "n_embd is 16.5"),
    BadConfig("gpt2", "n_embd", "17", says: "17 is not divisible by model.heads 4"),
    BadConfig("gpt2", "n_layer", "-1", says: "model.layers must lie in"),
    BadConfig("gpt2", "n_layer", "1000000", says: "in 1000000 layers"),
    BadConfig(
      "gpt2", "num_hidden_layers", "3", says: "n_layer is 2 and num_hidden_layers is 3, expected one"),
    BadConfig("gpt2", "hidden_size", "32", says: "n_embd is 16 and hidden_size is 32"),
    BadConfig(
      "gpt2", "architectures", #""GPT2LMHeadModel""#,
      says: "architectures is \"GPT2LMHeadModel\", expected a list"),
    BadConfig(
      "gpt2", "layer_norm_epsilon", "1e300", says: "norm_epsilon must be positive and finite, got 1e+300"),
    BadConfig("gpt2", "layer_norm_epsilon", "1e-300", says: "norm_epsilon must be positive and finite"),
    BadConfig(
      "gpt2", "n_layer", "3", says: "lacks tensor \"transformer.h.2.ln_1.weight\" of shape [16] and 11 more"),
    BadConfig(
      "gpt2", "n_layer", "1", says: "holds tensor \"transformer.h.1.attn.c_attn.bias\"",
      "11 more, expected only the 16"),
    BadConfig("gpt2", "n_positions", "13", says: "transformer.wpe.weight", "[12, 16], expected [13, 16]"),
    BadConfig("gpt2", "vocab_size", "20", says: "transformer.wte.weight", "[21, 16], expected [20, 16]"),
    BadConfig(
      "gpt2", "n_inner", "32", says: "transformer.h.0.mlp.c_fc.weight", "[16, 24], expected [16, 32]"),
    BadConfig(
      "gpt2", "activation_function", #""relu""#, says: "activation_function is \"relu\"", "\"gelu_new\""),
    BadConfig("gpt2", "layer_norm_epsilon", "0", says: "norm_epsilon must be positive"),
    BadConfig("gpt2", "scale_attn_weights", "false", says: "scale_attn_weights is false, expected true"),
    BadConfig("gpt2", "scale_attn_by_inverse_layer_idx", "true", says: "expected false"),
    BadConfig("gpt2", "add_cross_attention", "true", says: "add_cross_attention is true"),
    BadConfig(
      "gpt2", "tie_word_embeddings", "false", says: "lacks tensor \"lm_head.weight\" of shape [21, 16]"),
    BadConfig("gpt2", "tie_word_embeddings", "1", says: "tie_word_embeddings is 1, expected true or false"),
    BadConfig(
      "gpt2", "quantization_config", #"{"bits": 4}"#, says: "quantization_config is an object with 1 key"),
    BadConfig(
      "llama", "rope_scaling", #"{"rope_type": "llama3", "factor": 8}"#, says: "rope_scaling", "llama3"),
    BadConfig("llama", "rope_scaling", #"{"type": "linear", "factor": 2}"#, says: "type is \"linear\""),
    BadConfig(
      "llama", "rope_parameters", #"{"rope_type": "yarn", "factor": 2}"#, says: "rope_parameters", "yarn"),
    BadConfig(
      "llama", "rope_parameters", #"{"full_attention": {"rope_theta": 1}}"#,
      says: "full_attention for some of"),
    BadConfig("llama", "rope_parameters", #"{"rope_theta": -1}"#, says: "rope_theta is -1"),
    BadConfig("llama", "rope_parameters", "7", says: "rope_parameters is 7, expected an object"),
    BadConfig("llama", "hidden_act", #""gelu""#, says: "hidden_act is \"gelu\", expected \"silu\""),
    BadConfig("llama", "mlp_bias", "true", says: "attention_bias is false and mlp_bias is true"),
    BadConfig(
      "llama_shards", "attention_bias", "false", says: "attention_bias is false and mlp_bias is true"),
    BadConfig("llama", "attention_bias", "true", says: "attention_bias is true and mlp_bias is false"),
    BadConfig("llama", "sliding_window", "4096", says: "sliding_window is 4096, expected none"),
    BadConfig("llama", "num_key_value_heads", "3", says: "4 is not a multiple of model.key_value_heads 3"),
    BadConfig("llama", "num_key_value_heads", "4", says: "k_proj.weight", "[12, 16], expected [24, 16]"),
    BadConfig("llama", "head_dim", "5", says: "expected an even number"),
    BadConfig("nemotron", "hidden_act", #""tanh""#, says: "relu2"),
    BadConfig(
      "nemotron", "rope_parameters", #"{"partial_rotary_factor": 1e300}"#, says: "rotary_fraction 1e+300"),
    BadConfig("megatron_bert", "type_vocab_size", "3", says: "type_vocab_size is 3, expected 2"),
    BadConfig("megatron_bert", "is_decoder", "true", says: "is_decoder is true"),
    BadConfig("megatron_bert", "position_embedding_type", #""relative_key""#, says: "relative_key"),
    BadConfig(
      "megatron_bert", "architectures", #"["MegatronBertForMaskedLM"]"#,
      says: "holds tensor \"bert.pooler.dense.bias\" of shape [16] and 3 more"),
    BadConfig(
      "megatron_bert_masked", "architectures", #"["MegatronBertForPreTraining"]"#,
      says: "lacks tensor \"bert.pooler.dense.weight\" of shape [16, 16] and 3 more"),
  ]
}

@Suite struct FormatRefusalTests {
  private let device = Device(threads: 1)

  /// What opening the model at `path` says.
  private func complaint(_ path: String) throws -> String {
    let error = try #require(throws: (any Error).self) { try ModelDirectory(path).stored() }
    let text = "\(error)"
    #expect(text.hasPrefix(path) && !text.contains("\n") && text.count < 800, "\(text)")
    return text
  }

  @Test(
    "a configuration that would make another model is refused by the key's name", arguments: BadConfig.all)
  func config(bad: BadConfig) throws {
    let scratch = try Scratch()
    let value: Any? = try bad.value.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
    let path = try scratch.copy(FormatFixture(name: bad.fixture), [bad.key: value])
    let text = try complaint(path)
    for words in bad.says { #expect(text.contains(words), "\(text)") }
  }

  @Test("an argument of Megatron-LM's that asks for another computation is refused by its name")
  func megatronArguments() throws {
    let scratch = try Scratch()
    try FormatFixture(name: "llama").stored.write(as: .megatron, .init(), to: scratch.file("good"))
    for (key, value, words) in [
      ("rotary_interleaved", true, "rotary_interleaved is true"),
      ("num_experts", 8, "num_experts is 8, expected none"),
      ("position_embedding_type", "alibi", "position_embedding_type is \"alibi\""),
      ("padded_vocab_size", nil, "lacks padded_vocab_size"), ("qk_layernorm", true, "qk_layernorm is true"),
      ("apply_layernorm_1p", true, "apply_layernorm_1p is true with RMSNorm"),
      ("squared_relu", true, "both swiglu and squared_relu"),
      ("group_query_attention", false, "linear_qkv.weight"),
      ("normalization", "BatchNorm", "\"LayerNorm\" or \"RMSNorm\""),
      ("window_size", [4, 0], "window_size is a list of 2, expected none"),
      ("no_rope_freq", [1, 0], "no_rope_freq is a list of 2, expected none"),
      ("softmax_type", "off-by-one", "softmax_type is \"off-by-one\", expected \"vanilla\""),
      ("qk_l2_norm", true, "qk_l2_norm is true"), ("quick_geglu", true, "quick_geglu is true"),
      ("glu_linear_offset", 1.0, "glu_linear_offset is not 0"),
      ("activation_func_clamp_value", 7, "activation_func_clamp_value is 7, expected none"),
      ("rotary_base", 0, "rotary_base must be positive and finite, got 0"),
      ("rotary_base", -5, "rotary_base must be positive and finite, got -5"),
    ] as [(String, Any?, String)] {
      var keys = try scratch.json("good/args.json")
      keys[key] = value
      try? FileManager.default.removeItem(atPath: scratch.file("bad"))
      try FileManager.default.copyItem(atPath: scratch.file("good"), toPath: scratch.file("bad"))
      try scratch.write(json: keys, to: "bad/args.json")
      let text = try complaint(scratch.file("bad"))
      #expect(text.contains(words), "\(text)")
    }
  }

  @Test("a tensor that is missing, extra, misshapen or of integers is named with what was expected")
  func tensors() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "nemotron")
    let good = try TensorBytes.of(directory: fixture.path)
    let name = "model.layers.1.self_attn.k_proj.weight"
    let path = try scratch.copy(fixture)
    func complaint(_ change: (inout [String: TensorBytes]) -> Void) throws -> String {
      var tensors = good
      change(&tensors)
      try TensorBytes.write(tensors, to: "\(path)/model.safetensors")
      return try self.complaint(path)
    }
    #expect(try complaint { $0[name] = nil }.contains("lacks tensor \"\(name)\" of shape [8, 16]"))
    let extra = try complaint { $0["model.layers.7.norm"] = $0["model.norm.bias"] }
    #expect(
      extra.contains("holds tensor \"model.layers.7.norm\" of shape [16], expected only the \(good.count) of")
    )
    let shape = try complaint { $0[name] = $0["model.norm.bias"] }
    #expect(shape.contains("has tensor \"\(name)\" in shape [16], expected [8, 16]"))
    let integers = try complaint {
      $0[name] = TensorBytes(form: TensorForm(.i32, [8, 16]), bytes: [UInt8](repeating: 0, count: 512))
    }
    #expect(integers.contains("as I32, expected F32, BF16, F16 or F64"))
    // All that is wrong in one sentence.
    let both = try complaint {
      $0["model.layers.1.self_attn.key.weight"] = $0[name]
      $0[name] = nil
    }
    #expect(both.contains("lacks tensor \"\(name)\"") && both.contains("self_attn.key.weight"))
  }

  @Test("pickles are refused with the line that writes safetensors")
  func pickles() throws {
    let scratch = try Scratch()
    let path = try scratch.copy(FormatFixture(name: "gpt2"))
    try FileManager.default.removeItem(atPath: "\(path)/model.safetensors")
    // What trainers keep beside weights is none.
    for name in ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"] {
      try Data([0x80, 2]).write(to: URL(filePath: "\(path)/\(name)"))
    }
    for name in ["pytorch_model.bin", "consolidated.00.pth", "model.pt"] {
      try Data([0x80, 2]).write(to: URL(filePath: "\(path)/\(name)"))
      let text = try complaint(path)
      #expect(text.contains("\(name), a pickle") && text.contains("save_pretrained('OUT')"), "\(text)")
      #expect(text.contains("import GPT2LMHeadModel as M"), "\(text)")
      try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
    #expect(try complaint(path).contains("holds neither model.safetensors nor model.safetensors.index.json"))
    // Nothing but a name becomes part of a command.
    _ = try scratch.copy(FormatFixture(name: "gpt2"), ["architectures": ["os; x"]], to: "named")
    try FileManager.default.removeItem(atPath: scratch.file("named/model.safetensors"))
    try Data([0x80, 2]).write(to: URL(filePath: scratch.file("named/a.bin")))
    #expect(PickledWeights(scratch.file("named"))?.advice.contains("AutoModelForPreTraining") == true)
    let megatron = scratch.file("megatron")
    try FileManager.default.createDirectory(
      atPath: "\(megatron)/iter_0000100/mp_rank_00", withIntermediateDirectories: true)
    try Data([0x80, 2]).write(to: URL(filePath: "\(megatron)/iter_0000100/mp_rank_00/model_optim_rng.pt"))
    let text = try complaint(megatron)
    #expect(text.contains("python Scripts/convert/megatron.py \(megatron)/iter_0000100 OUT"), "\(text)")
  }

  @Test("a directory that is no model is told what a model is")
  func noModel() throws {
    let scratch = try Scratch()
    #expect(try complaint(scratch.path).contains("expected a model directory with model.yaml"))
    #expect(try complaint(scratch.file("absent")).contains("expected a model directory with model.yaml"))
  }

  @Test("a key that stands twice and a number that JSON has not are refused as what they are")
  func strictJSON() throws {
    let scratch = try Scratch()
    let path = try scratch.copy(FormatFixture(name: "gpt2"))
    let good = String(decoding: try Data(contentsOf: URL(filePath: "\(path)/config.json")), as: UTF8.self)
    for (addition, words) in [
      (#""n_layer": 1,"#, "has \"n_layer\" twice"), (#""n\u005flayer": 2,"#, "has \"n_layer\" twice"),
      (#""a": [{"b": 1, "c": "b: {", "b": 1}],"#, "has \"b\" twice"),
      (#""attn_pdrop": NaN,"#, "has NaN for a number"), (#""x": -Infinity,"#, "has Infinity for a number"),
    ] {
      try Data("{\(addition)\(good.dropFirst())".utf8).write(to: URL(filePath: "\(path)/config.json"))
      let text = try complaint(path)
      #expect(text.contains(words), "\(text)")
    }
    // Neither, within strings and in objects of their own.
    let sound = #""a": [{"b": 1}, {"b": "NaN"}], "c": {"a": "b", "d": ["a", "a"]},"#
    try Data("{\(sound)\(good.dropFirst())".utf8).write(to: URL(filePath: "\(path)/config.json"))
    _ = try ModelDirectory(path).stored()
  }

  @Test("a number that f16 does not have is refused by the parameter's name")
  func overflow() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "gpt2")
    let path = try scratch.copy(fixture)
    var tensors = try TensorBytes.of(directory: fixture.path)
    let norm = try #require(tensors["transformer.ln_f.weight"])
    var options = StoredModel.Options()
    options.type = .f16
    for (number, isRefused) in [(Float(65519), false), (.infinity, false), (65520, true), (-1e6, true)] {
      tensors["transformer.ln_f.weight"] = TensorBytes(
        form: norm.form, bytes: withUnsafeBytes(of: number) { Array($0) } + norm.bytes.dropFirst(4))
      try TensorBytes.write(tensors, to: "\(path)/model.safetensors")
      let stored = try ModelDirectory(path).stored(), target = scratch.file("f16 \(number)")
      if isRefused {
        let failure = #expect(throws: CheckpointFailure.self) {
          try stored.write(as: .huggingFace, options, to: target)
        }
        #expect(failure?.reason.contains("parameter \"norm.weight\" has \(number), and f16 ends") == true)
      } else {
        try stored.write(as: .huggingFace, options, to: target)
      }
    }
  }

  @Test("a model of several choices is refused as the class that it would be")
  func choices() throws {
    let scratch = try Scratch()
    var config = try ModelDirectory(FormatFixture(name: "megatron_bert").path).config
    (config.classes, config.choices) = (1, 4)
    let model = Transformer(config, isTrained: false, on: device)
    try ModelDirectory.write(model, to: scratch.file("ours"))
    let failure = #expect(throws: ModelDirectory.Failure.self) {
      try ModelDirectory(scratch.file("ours")).stored().write(
        as: .huggingFace, .init(), to: scratch.file("hf"))
    }
    #expect(
      failure?.description.contains(
        "cannot be written as MegatronBertForMultipleChoice: its choices is 4, expected 1") == true)
  }

  @Test("what holds something already is not written over, and a failure leaves nothing")
  func occupied() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "gpt2")
    let stored = try fixture.stored
    try FileManager.default.createDirectory(atPath: scratch.file("empty"), withIntermediateDirectories: true)
    try stored.writeAsOurs(to: scratch.file("empty"))
    let before = try TensorBytes.of(directory: scratch.file("empty"))
    let own = try ModelDirectory(scratch.file("empty")).stored()
    for path in [scratch.file("empty"), scratch.file("empty") + "/"] {
      let failure = #expect(throws: FileFailure.self) { try own.write(as: .huggingFace, .init(), to: path) }
      #expect(failure?.reason == "holds something already; name a new directory, or move it away")
      #expect(throws: FileFailure.self) { try own.writeAsOurs(to: path) }
    }
    #expect(try TensorBytes.of(directory: scratch.file("empty")) == before)
    #expect(throws: FileFailure.self) { try stored.writeAsOurs(to: "\(fixture.path)/config.json") }
    // Of a kind that the format has not.
    let failure = #expect(throws: ModelDirectory.Failure.self) {
      try FormatFixture(name: "megatron_bert").stored.write(as: .megatron, .init(), to: scratch.file("new"))
    }
    #expect(failure?.description.contains("its kind is encoder, expected decoder") == true)
    // A file that fails in the middle.
    let path = try scratch.copy(fixture)
    try FileManager.default.createSymbolicLink(
      atPath: "\(path)/vocab.json", withDestinationPath: "/dev/null")
    #expect(throws: (any Error).self) {
      try ModelDirectory(path).stored().writeAsOurs(to: scratch.file("new"))
    }
    #expect(try scratch.names() == ["copy", "empty"])
  }

  @Test("weights are not read into a model that would compute something else with them")
  func otherFunction() throws {
    let path = FormatFixture(name: "llama").path
    let config = try ModelDirectory(path).config
    for (change, words) in [
      ({ $0.normEpsilon = 1e-5 }, "norm_epsilon"), ({ $0.rotaryBase = 10000 }, "rotary_base"),
      ({ $0.rotaryFraction = 2.0 / 3 }, "rotary_fraction"),
    ] as [((inout Transformer.Config) -> Void, String)] {
      var other = config
      change(&other)
      let model = Transformer(other, isTrained: false, on: device)
      let failure = #expect(throws: ModelDirectory.Failure.self) {
        try ModelDirectory.readWeights(at: path, into: model)
      }
      #expect(failure?.description.contains("its \(words) is") == true)
    }
    let model = Transformer(config, isTrained: false, on: device)
    try ModelDirectory.readWeights(at: path, into: model)
    #expect(try FormatFixture(name: "llama").error(of: model) < 1e-5)
  }
}
