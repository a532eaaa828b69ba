import Checkpoints
import Collectives
import Foundation
import Layers
import Models
import TestSupport
import Tensors
import Testing
import Topology

/// Models of other programs: they compute here what they compute there, and go back as they came.
@Suite struct FormatTests {
  private let device = Device(threads: 1)

  @Test("a model of transformers, as it is, has its logits", arguments: FormatFixture.all)
  func logits(fixture: FormatFixture) throws {
    #expect(try fixture.error(of: ModelDirectory(fixture.path).load(on: device)) < 1e-5)
  }

  @Test("the sentence order of MegatronBertForPreTraining is told alike")
  func sentenceOrder() throws {
    let fixture = FormatFixture(name: "megatron_bert")
    let model = try ModelDirectory(fixture.path).load(on: device)
    let scores = try fixture.floats("order")
    let losses = model.losses(
      try fixture.microbatch(on: device),
      Targets(tokens: [Int32](repeating: -1, count: 24), labels: [0, 1], on: device))
    let expected = [(0, 0), (2, 1)].map { first, label in
      log(exp(scores[first]) + exp(scores[first + 1])) - scores[first + label]
    }
    #expect(relativeError(try #require(losses.labels).floats, expected) < 1e-5)
  }

  @Test(
    "imported and exported it is the same, tensor by tensor and byte by byte", arguments: FormatFixture.all)
  func roundTrip(fixture: FormatFixture) throws {
    let scratch = try Scratch()
    try fixture.stored.writeAsOurs(to: scratch.file("ours"))
    #expect(try fixture.error(of: ModelDirectory(scratch.file("ours")).load(on: device)) < 1e-5)
    let ours = try ModelDirectory(scratch.file("ours"))
    let shape = try ModelDirectory(fixture.path).config
    #expect(!ours.isForeign && ours.config == shape)
    try ours.stored().write(as: .huggingFace, .init(), to: scratch.file("back"))
    #expect(try TensorBytes.of(directory: scratch.file("back")) == TensorBytes.of(directory: fixture.path))
    let config = try scratch.json("back/config.json")
    _ = try scratch.copy(fixture)
    for (key, value) in try scratch.json("copy/config.json") {
      // What each version of transformers writes of itself.
      if ["transformers_version", "use_cache", "dtype", "n_inner"].contains(key) { continue }
      if value is NSNull, config[key] == nil { continue }
      let isKnown = (config[key] as? NSObject) == (value as? NSObject)
      let isDefault = config[key] == nil && defaults[key] == (value as? NSObject)
      #expect(isKnown || isDefault, "\(key): \(value) became \(String(describing: config[key]))")
    }
  }

  /// Of keys that transformers writes and we do not, the values that it takes where they are missing.
  private var defaults: [String: NSObject] {
    [
      "add_cross_attention": false as NSNumber, "is_decoder": false as NSNumber,
      "reorder_and_upcast_attn": false as NSNumber, "scale_attn_by_inverse_layer_idx": false as NSNumber,
      "summary_first_dropout": 0.1 as NSNumber, "summary_proj_to_labels": true as NSNumber,
      "summary_type": "cls_index" as NSString, "summary_use_proj": true as NSNumber,
      "pretraining_tp": 1 as NSNumber,
    ]
  }

  @Test("by way of Megatron-LM's layout it is the same, too", arguments: FormatFixture.decoders)
  func megatron(fixture: FormatFixture) throws {
    let scratch = try Scratch()
    try fixture.stored.write(as: .megatron, .init(), to: scratch.file("megatron"))
    let megatron = try ModelDirectory(scratch.file("megatron"))
    #expect(try fixture.error(of: megatron.load(on: device)) < 1e-5)
    try megatron.stored().write(as: .huggingFace, .init(), to: scratch.file("back"))
    #expect(try TensorBytes.of(directory: scratch.file("back")) == TensorBytes.of(directory: fixture.path))
  }

  @Test(
    "read by two tensor ranks of two stages each, it has the same logits", arguments: FormatFixture.all,
    [StoredModel.Format.huggingFace, .megatron])
  func mesh(fixture: FormatFixture, format: StoredModel.Format) throws {
    guard format == .huggingFace || FormatFixture.decoders.contains(where: { $0.name == fixture.name }) else {
      return
    }
    let scratch = try Scratch()
    let path = format == .huggingFace ? fixture.path : scratch.file("megatron")
    if format == .megatron { try fixture.stored.write(as: .megatron, .init(), to: path) }
    var hidden: [Float]?
    for stage in 0..<2 {
      let input = hidden
      let parts = try LocalCluster.run(Mesh(tensor: 2), limit: .seconds(60)) { rank in
        let device = Device(threads: 1)
        let stored = try ModelDirectory(path).stored()
        let model = Transformer(
          stored.config,
          part: .stage(
            stage, of: StagePlan(layers: 2, stages: 2, headCost: 0),
            TensorAxis(rank.tensor, splitsTokens: false)),
          isTrained: false, on: device)
        try stored.read(into: model)
        let microbatch = try fixture.microbatch(on: device)
        let x = input.map { Tensor($0, Shape(24, stored.config.width), on: device) }
        let y = model.hidden(chunk: 0, x, microbatch)
        return (model.head?.logits(y, microbatch) ?? y).floats
      }
      hidden = stage == 0 ? parts[0] : Self.joined(parts, rows: 24)
    }
    #expect(try fixture.error(of: #require(hidden)) < 1e-5)
  }

  /// Columns of ranks side by side.
  private static func joined(_ parts: [[Float]], rows: Int) -> [Float] {
    (0..<rows).flatMap { row in
      parts.flatMap { part in
        let width = part.count / rows
        return part[row * width..<(row + 1) * width]
      }
    }
  }

  @Test("numbers stay in their type, or take the one asked for")
  func types() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "llama_shards")
    try fixture.stored.writeAsOurs(to: scratch.file("ours"))
    #expect(try TensorBytes.of(directory: scratch.file("ours")).values.allSatisfy { $0.form.type == .bf16 })
    var options = StoredModel.Options()
    for (type, name) in [(StoredType.f32, "float32"), (.bf16, "bfloat16"), (.f16, "float16")] {
      options.type = type
      try ModelDirectory(scratch.file("ours")).stored()
        .write(as: .huggingFace, options, to: scratch.file(type.rawValue))
      let tensors = try TensorBytes.of(directory: scratch.file(type.rawValue))
      #expect(tensors.values.allSatisfy { $0.form.type == type })
      #expect(try scratch.json("\(type.rawValue)/config.json")["torch_dtype"] as? String == name)
    }
    // bf16 is a part of f32: nothing is lost on the way there, nor back.
    options.type = .bf16
    try ModelDirectory(scratch.file("F32")).stored().write(
      as: .huggingFace, options, to: scratch.file("again"))
    #expect(try TensorBytes.of(directory: scratch.file("again")) == TensorBytes.of(directory: fixture.path))
    // From f32, rounded to the nearest, ties to even; Conv1D as well.
    let gpt2 = FormatFixture(name: "gpt2")
    try gpt2.stored.write(as: .huggingFace, options, to: scratch.file("rounded"))
    for (name, tensor) in try TensorBytes.of(directory: scratch.file("rounded")) {
      let exact = try #require(try TensorBytes.of(directory: gpt2.path)[name]).floats
      let rounded = exact.map { value in
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
      }
      #expect(try tensor.floats == rounded, "\(name)")
    }
  }

  @Test("large models are written in shards with an index that transformers reads, and read from them")
  func shards() throws {
    let scratch = try Scratch()
    let fixture = FormatFixture(name: "nemotron")
    var options = StoredModel.Options()
    options.shardLimit = 4000
    try fixture.stored.write(as: .huggingFace, options, to: scratch.file("shards"))
    let names = try scratch.names(in: "shards").filter { $0.hasSuffix(".safetensors") }
    #expect(names.count > 2 && names[0] == "model-00001-of-0000\(names.count).safetensors")
    let index = try scratch.json("shards/model.safetensors.index.json")
    let total = try TensorBytes.of(directory: fixture.path).values.reduce(0) { $0 + $1.bytes.count }
    #expect((index["metadata"] as? [String: Int]) == ["total_size": total])
    for name in names {
      let file = try SafetensorsFile(scratch.file("shards/\(name)"))
      let bytes = file.tensors.values.reduce(0) { $0 + $1.bytes.count }
      #expect(bytes <= 4000 || file.tensors.count == 1)
    }
    #expect(try TensorBytes.of(directory: scratch.file("shards")) == TensorBytes.of(directory: fixture.path))
    #expect(try fixture.error(of: ModelDirectory(scratch.file("shards")).load(on: device)) < 1e-5)
  }
}
