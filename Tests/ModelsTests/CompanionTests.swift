import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

@testable import Models

/// What stands beside weights comes along with them.
@Suite struct CompanionTests {
  private let device = Device(threads: 1)

  @Test("tokenizer files and the generation config come along both ways; one is made where there is none")
  func companions() throws {
    let scratch = try Scratch()
    let source = try scratch.copy(FormatFixture(name: "gpt2"))
    let files = [
      "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
      "merges.txt", "vocab.txt", "chat_template.jinja", "spiece.model", "ranks.tiktoken",
    ]
    for name in files + ["README.md", "pytorch_model.bin"] {
      try Data("of \(name)".utf8).write(to: URL(filePath: "\(source)/\(name)"))
    }
    try ModelDirectory(source).stored().writeAsOurs(to: scratch.file("ours"))
    try ModelDirectory(scratch.file("ours")).stored().write(
      as: .huggingFace, .init(), to: scratch.file("back"))
    for name in files + ["generation_config.json"] {
      let content = try Data(contentsOf: URL(filePath: "\(source)/\(name)"))
      #expect(try Data(contentsOf: URL(filePath: scratch.file("back/\(name)"))) == content)
    }
    #expect(
      try scratch.names(in: "ours")
        == (files + ["generation_config.json", "model.safetensors", "model.yaml"]).sorted())
    // Without one: from the model's own configuration, or from the tokenizer.
    try FileManager.default.removeItem(atPath: "\(source)/generation_config.json")
    try ModelDirectory(source).stored().writeAsOurs(to: scratch.file("second"))
    let made = try scratch.json("second/generation_config.json")
    #expect(made["bos_token_id"] as? Int == 0 && made["eos_token_id"] as? Int == 20)
    var options = StoredModel.Options()
    options.special = SpecialIDs(beginning: 3, end: 4)
    let bare = try scratch.copy(
      FormatFixture(name: "megatron_bert"), ["pad_token_id": nil as Any?], to: "bare")
    try ModelDirectory(bare).stored().write(as: .huggingFace, options, to: scratch.file("third"))
    #expect(try scratch.json("third/generation_config.json")["eos_token_id"] as? Int == 4)
    let config = try scratch.json("third/config.json")
    #expect(config["bos_token_id"] as? Int == 3 && config["pad_token_id"] is NSNull)
  }

  @Test("ids that the generation config does not say are the configuration's, then the tokenizer's")
  func mergedIDs() throws {
    let scratch = try Scratch()
    let source = try scratch.copy(FormatFixture(name: "gpt2"))
    try scratch.write(json: ["eos_token_id": [7, 8], "top_k": 5], to: "copy/generation_config.json")
    try ModelDirectory(source).stored().writeAsOurs(to: scratch.file("ours"))
    let ours = try scratch.json("ours/generation_config.json")
    #expect(ours["bos_token_id"] as? Int == 0 && ours["eos_token_id"] as? [Int] == [7, 8])
    #expect(ours["top_k"] as? Int == 5)
    // Without one word of ids it erases nothing.
    try scratch.write(json: ["top_k": 5], to: "copy/generation_config.json")
    var options = StoredModel.Options()
    options.special = SpecialIDs(beginning: 3, end: 4)
    try ModelDirectory(source).stored().write(as: .huggingFace, options, to: scratch.file("back"))
    for name in ["back/config.json", "back/generation_config.json"] {
      let keys = try scratch.json(name)
      #expect(keys["bos_token_id"] as? Int == 0 && keys["eos_token_id"] as? Int == 20, "\(name)")
    }
    _ = try scratch.copy(FormatFixture(name: "gpt2"), ["eos_token_id": NSNull()])
    try scratch.write(json: ["top_k": 5], to: "copy/generation_config.json")
    try ModelDirectory(source).stored().write(as: .huggingFace, options, to: scratch.file("third"))
    let third = try scratch.json("third/config.json")
    #expect(third["bos_token_id"] as? Int == 0 && third["eos_token_id"] as? Int == 4)
  }

  @Test("a tokenizer comes along under whatever name its format knows; directories do not")
  func tokenizerNames() throws {
    let scratch = try Scratch()
    for (files, others) in [
      (["tokenizer.bin"], []), (["encoder.json", "vocab.bpe"], []), (["bert-base-vocab.txt"], ["notes.txt"]),
      (["spiece.model"], []),
    ] as [([String], [String])] {
      let source = try scratch.copy(FormatFixture(name: "llama"))
      for name in files + others { try Data("of \(name)".utf8).write(to: URL(filePath: "\(source)/\(name)")) }
      try FileManager.default.createDirectory(atPath: "\(source)/x.model", withIntermediateDirectories: true)
      let target = files[0] + ".out"
      try ModelDirectory(source).stored().writeAsOurs(to: scratch.file(target))
      #expect(
        try scratch.names(in: target)
          == (files + ["generation_config.json", "model.safetensors", "model.yaml"]).sorted())
    }
  }

  @Test("a tokenizer from elsewhere gets the name that it is found by, where there is none yet")
  func addedTokenizer() throws {
    let scratch = try Scratch()
    let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"
    try Data(words.utf8).write(to: URL(filePath: scratch.file("my-vocab.txt")))
    var stored = try FormatFixture(name: "llama").stored
    try stored.companions.add(scratch.file("my-vocab.txt"))
    try stored.write(as: .huggingFace, .init(), to: scratch.file("out"))
    #expect(try String(contentsOfFile: scratch.file("out/vocab.txt"), encoding: .utf8) == words)
    // The second has its own.
    var again = try ModelDirectory(scratch.file("out")).stored()
    try Data("x".utf8).write(to: URL(filePath: scratch.file("other.tiktoken")))
    try again.companions.add(scratch.file("other.tiktoken"))
    try again.writeAsOurs(to: scratch.file("ours"))
    #expect(
      try scratch.names(in: "ours")
        == ["generation_config.json", "model.safetensors", "model.yaml", "vocab.txt"])
    #expect(throws: ModelDirectory.Failure.self) {
      var stored = try FormatFixture(name: "llama").stored
      try stored.companions.add(scratch.file("other.tiktoken"))
    }
  }

  @Test("what a classifier's classes are called is kept both ways")
  func labels() throws {
    let scratch = try Scratch()
    var config = try ModelDirectory(FormatFixture(name: "megatron_bert").path).config
    config.classes = 3
    let model = Transformer(config, isTrained: false, on: device)
    try ModelDirectory.write(model, to: scratch.file("made"))
    try ModelDirectory(scratch.file("made")).stored().write(as: .huggingFace, .init(), to: scratch.file("hf"))
    #expect((try scratch.json("hf/config.json")["id2label"] as? [String: String])?["1"] == "LABEL_1")
    let names = ["0": "entailment", "1": "neutral", "2": "contradiction"]
    var keys = try scratch.json("hf/config.json")
    keys["id2label"] = names
    keys["label2id"] = ["entailment": 0, "neutral": 1, "contradiction": 2]
    try scratch.write(json: keys, to: "hf/config.json")
    try ModelDirectory(scratch.file("hf")).stored().writeAsOurs(to: scratch.file("ours"))
    try ModelDirectory(scratch.file("ours")).stored().write(
      as: .huggingFace, .init(), to: scratch.file("back"))
    let back = try scratch.json("back/config.json")
    #expect(back["id2label"] as? [String: String] == names)
    #expect((back["label2id"] as? [String: Int])?["contradiction"] == 2)
  }
}
