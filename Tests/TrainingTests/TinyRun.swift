import Corpus
import Foundation
import Layers
import Tensors
import Testing

@testable import Training

/// A corpus and a run small enough for tests, in a directory that goes when they do.
final class TinyRun {
  let path: String
  static let vocabulary = 32

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "training-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try write("corpus", vocabulary: Self.vocabulary)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes documents whose tokens follow from each other, but for one in eight.
  func write(_ name: String, vocabulary: Int, documents: Int = 48) throws {
    let writer = try IndexedDatasetWriter(prefix: "\(path)/\(name)", vocabularySize: vocabulary)
    for document in 0..<documents {
      var token = document % vocabulary
      try writer.append(
        (0..<40 + document % 7).map { position in
          token = position % 8 == 7 ? (document + position) % vocabulary : (5 * token + 3) % vocabulary
          return Int32(token)
        })
    }
    try writer.commit()
  }

  /// Says that the corpus is of a tokenizer with these tokens, of three bytes each.
  func describe(vocabulary: Int, endOfText: Int32? = nil) throws {
    let description = """
      {"tokenizer": {"name": "tiny", "vocabularySize": \(vocabulary)\(endOfText.map { ", \"endOfText\": \($0)" } ?? "")},
       "appendsEndOfText": false, "sources": 1, "documents": 48, "tokens": 2000, "textBytes": 6000}
      """
    try Data(description.utf8).write(to: URL(filePath: "\(path)/corpus.json"))
  }

  /// A recipe over the corpus, whose run stands in directory `name`.
  func config(_ name: String, _ change: (inout RunConfig) -> Void = { _ in }) -> RunConfig {
    var config = RunConfig()
    config.model.layers = 2
    config.model.width = 16
    config.model.heads = 2
    config.model.vocabulary = Self.vocabulary
    config.model.context = 16
    config.data.prefix = "\(path)/corpus"
    config.data.split = "80,20,0"
    config.training.steps = 12
    config.training.globalBatch = 4
    config.training.microbatch = 2
    config.training.threads = 1
    config.training.evaluationInterval = 5
    config.training.evaluationSequences = 3
    config.schedule.learningRate = 1e-2
    config.schedule.minimumLearningRate = 1e-3
    config.checkpoint.directory = "\(path)/\(name)"
    config.checkpoint.interval = 0
    change(&config)
    return config
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

  func names(in name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(name)").sorted()
  }

  /// The metrics of run `name`, one object a step, without what the clock says; nil for what is not finite.
  func metrics(_ name: String) throws -> [[String: Double?]] {
    let text = try String(contentsOfFile: "\(path)/\(name)/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      var object = try JSONDecoder().decode([String: Double?].self, from: Data(line.utf8))
      #expect(object.removeValue(forKey: "seconds") != nil)
      return object
    }
  }
}

/// All that decides how a run goes on, as bits, so that NaN equals itself.
struct RunState: Equatable {
  let values: [UInt32]
  let master: [UInt32]
  let optimizer: [[UInt32]]
  let position: TrainStep.Position

  init(_ step: TrainStep) {
    values = Self.bits(step.model.store.values)
    master = step.update.precision.masters.flatMap { Self.bits($0) }
    optimizer = step.update.optimizer.state.map { Self.bits($0.tensor) }
    position = step.position
  }

  static func bits(_ tensor: Tensor) -> [UInt32] { tensor.floats.map(\.bitPattern) }
}

extension TrainingRun {
  func trainToEnd() throws { #expect(try !train().isInterrupted) }

  /// Trains until `step` updates have been made.
  @discardableResult
  func train(until step: Int) throws -> Summary {
    try train(shouldStop: { self.step.position.step >= step })
  }
}
