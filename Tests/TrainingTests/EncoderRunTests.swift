import Corpus
import Foundation
import Models
import Recipes
import Testing
import Topology

@testable import Training

/// A vocabulary, sentences and questions small enough that a small encoder learns them in seconds.
final class TinyEncoder {
  let path: String
  private static let words = 40

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "encoder-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: "\(path)/wordpiece", withIntermediateDirectories: true)
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    try write(
      (specials + (0..<Self.words).map { "w\($0)" }).joined(separator: "\n"), to: "wordpiece/vocab.txt")
    try writeSentences()
    for (name, count) in [("train", 96), ("dev", 32)] { try writeQuestions(to: name, count: count) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private func write(_ text: String, to name: String) throws {
    try Data((text + "\n").utf8).write(to: URL(filePath: "\(path)/\(name)"))
  }

  /// Documents of two sentences, each of one word: of a half of the vocabulary that says which comes first.
  private func writeSentences() throws {
    let writer = try IndexedDatasetWriter(prefix: "\(path)/sentences", vocabularySize: Self.words + 5)
    for document in 0..<200 {
      try writer.append(
        (0..<2).map { sentence in
          [Int32](repeating: Int32(5 + 20 * sentence + document % 7), count: 12)
        })
    }
    try writer.commit()
  }

  /// Pairs of sentences: a question is answered by whether they begin alike, end alike, or neither.
  private func writeQuestions(to name: String, count: Int) throws {
    let heading = "index\tpromptID\tpairID\tp1\tp2\tp3\tp4\tp5\tsentence1\tsentence2\tlabel1\tgold_label"
    let rows = (0..<count).map { index in
      let kind = index * 7 % 3, word = index * 5 % 12
      let label = ["contradiction", "entailment", "neutral"][kind]
      return
        "\(index)\t1\t1\ta\ta\ta\ta\ta\tw\(word) w\(kind + 20)\tw\(word + 1) w\(kind + 30)\t\(label)\t\(label)"
    }
    try write(([heading] + rows).joined(separator: "\n"), to: "\(name).tsv")
  }

  func config(_ name: String, _ change: (inout RunConfig) -> Void = { _ in }) -> RunConfig {
    var config = RunConfig()
    config.model.kind = .encoder
    config.model.layers = 2
    config.model.width = 32
    config.model.heads = 4
    config.model.context = 32
    config.data.prefix = "\(path)/sentences"
    config.data.tokenizer = "\(path)/wordpiece"
    config.data.split = "80,20,0"
    config.training.steps = 1500
    config.training.globalBatch = 16
    config.training.microbatch = 16
    config.training.threads = 1
    config.training.evaluationInterval = 1500
    config.training.evaluationSequences = 40
    config.schedule.learningRate = 3e-3
    config.schedule.warmupSteps = 40
    config.checkpoint.directory = "\(path)/\(name)"
    config.checkpoint.interval = 0
    change(&config)
    return config
  }
}

/// An encoder's run from sentences to answers.
@Suite(.serialized) struct EncoderRunTests {
  let tiny: TinyEncoder

  init() throws { tiny = try TinyEncoder() }

  @Test("an encoder learns to fill masks and to put sentences in order")
  func pretraining() throws {
    let run = try TrainingRun(tiny.config("run"), resuming: false)
    let summary = try run.train()
    let heldOut = try #require(summary.heldOut)
    // By chance: ln 45 = 3.8 for a token; ln 2 = 0.69, one half, for the order.
    #expect(try #require(heldOut.tokens) < 1.5)
    #expect(try #require(heldOut.labels) < 0.4 && heldOut.accuracy ?? 0 > 0.85)
    #expect(abs(heldOut.total - (heldOut.tokens ?? 0) - (heldOut.labels ?? 0)) < 1e-12)
    #expect(summary.heldOutBitsPerByte == nil)
    let metrics = try String(contentsOfFile: "\(tiny.path)/run/metrics.jsonl", encoding: .utf8)
    let last = try #require(metrics.split(separator: "\n").last)
    for key in ["token_loss", "label_loss", "accuracy", "held_out_token_loss", "held_out_accuracy"] {
      #expect(last.contains("\"\(key)\""))
    }
  }

  @Test("an encoder without sentence order learns masks alone, and a resumed one goes on to the same bits")
  func resumed() throws {
    func config(_ name: String) -> RunConfig {
      tiny.config(name) {
        $0.model.sentenceOrder = false
        $0.model.dropout = 0.1
        $0.training.steps = 12
        $0.checkpoint.interval = 6
      }
    }
    let whole = try TrainingRun(config("whole"), resuming: false)
    #expect(try whole.train().heldOut?.labels == nil)
    try TrainingRun(config("cut"), resuming: false).train(until: 6)
    let rest = try TrainingRun(config("cut"), resuming: true)
    try rest.trainToEnd()
    #expect(RunState(rest.step) == RunState(whole.step))
  }

  @Test("a pretrained encoder is finetuned: its body is kept, its head is new, and it answers")
  func finetuning() throws {
    try TrainingRun(tiny.config("base") { $0.training.steps = 100 }, resuming: false).trainToEnd()
    let base = "\(tiny.path)/base/model"
    var task = TaskConfig()
    task.training = ["\(tiny.path)/train.tsv"]
    task.validation = ["\(tiny.path)/dev.tsv"]
    func config(_ change: (inout RunConfig) -> Void = { _ in }) throws -> RunConfig {
      var config = RunConfig(finetuning: try ModelDirectory(base).config, for: task)
      config.training.initialModel = base
      config.data.tokenizer = "\(tiny.path)/wordpiece"
      config.training.globalBatch = 16
      config.training.microbatch = 8
      config.training.threads = 1
      config.schedule.learningRate = 3e-3
      config.checkpoint.directory = "\(tiny.path)/finetuned"
      change(&config)
      try config.setSteps(epochs: 20)
      return config
    }
    let run = try TrainingRun(config(), resuming: false)
    #expect(run.config.training.steps == 20 * 96 / 16)
    #expect(run.model.config.classes == 3 && run.model.config.dropout == 0.1)
    let before = try ModelDirectory(base).load(on: run.model.device)
    func values(_ name: String, _ model: Transformer) -> [Float]? {
      model.store.named(in: model.store.values).first { $0.name == name }?.tensor.floats
    }
    for name in ["embedding.tokens.weight", "layers.1.mlp.down.weight", "norm.weight", "pooler.weight"] {
      #expect(values(name, before) != nil && values(name, before) == values(name, run.model), "\(name)")
    }
    #expect(values("order.weight", run.model) == nil && values("transform.weight", run.model) == nil)
    let summary = try run.train()
    #expect(try #require(summary.heldOut?.accuracy) > 0.9)
    // What it was finetuned to can be loaded, and what it was not trained for is refused.
    #expect(try ModelDirectory("\(tiny.path)/finetuned/model").load(on: run.model.device).config.classes == 3)
    task.kind = .race
    var wrong = RunConfig(finetuning: try ModelDirectory(base).config, for: task)
    try wrong.validate()
    wrong.model.choices = 1
    let recipe = wrong
    #expect(throws: RecipeFailure.self) { try recipe.validate() }
  }
}
