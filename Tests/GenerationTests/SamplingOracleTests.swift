import Foundation
import Tensors
import Testing

@testable import Generation

/// What transformers makes of rows of logits (Scripts/oracles/sampling.py).
@Suite struct SamplingOracleTests {
  struct Case: Decodable {
    let logits: [Float]
    let prompt, written: [Int32]
    let temperature, topP, minP, repetitionPenalty, presencePenalty, frequencyPenalty: Double?
    let topK: Int?
    let logitBias: [[Float]]?
    /// [id, p]
    let probabilities: [[Double]]
    let logProbabilities: [Double]?
    let likeliest: [Int32]?

    var options: SamplingOptions {
      SamplingOptions {
        $0.temperature = temperature ?? 1
        $0.topK = topK ?? 0
        $0.topP = topP ?? 1
        $0.minP = minP ?? 0
        $0.repetitionPenalty = repetitionPenalty ?? 1
        $0.presencePenalty = presencePenalty ?? 0
        $0.frequencyPenalty = frequencyPenalty ?? 0
        for pair in logitBias ?? [] { $0.logitBias[Int32(pair[0])] = pair[1] }
      }
    }
  }

  static let cases: [Case] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/sampling.json")
    return (try? JSONDecoder().decode([Case].self, from: Data(contentsOf: file))) ?? []
  }()

  static let sets = Device.InstructionSet.allCases.filter { $0 != .best && $0.isAvailable }

  @Test("the tokens that transformers leaves are left, as likely to 1e-5", arguments: sets)
  func survivors(set: Device.InstructionSet) throws {
    let rows = Rows(instructionSet: set)
    try #require(Self.cases.count > 60)
    for (number, test) in Self.cases.enumerated() {
      var sampler = Sampler(test.options, choice: 0, prompt: test.prompt, alternatives: nil)
      for id in test.written {
        // So likely that it is written whatever the options.
        var forced = [Float](repeating: 0, count: test.logits.count)
        forced[Int(id)] = 1e6
        #expect(sampler.next(rows.row(forced)).id == id)
      }
      let probabilities = rows.candidates(sampler, test.logits).probabilities
      let left = probabilities.indices.filter { probabilities[$0] > 0 }
      #expect(left == test.probabilities.map { Int($0[0]) }, "case \(number)")
      for pair in test.probabilities {
        #expect(abs(probabilities[Int(pair[0])] - pair[1]) < 1e-5, "case \(number), token \(pair[0])")
      }
    }
  }

  @Test("log-probabilities are those of the logits as they were, the likeliest first")
  func logProbabilities() throws {
    let rows = Rows()
    for test in Self.cases {
      guard let expected = test.logProbabilities, let likeliest = test.likeliest else { continue }
      var sampler = Sampler(test.options, choice: 0, prompt: test.prompt, alternatives: 5)
      let score = sampler.next(rows.row(test.logits))
      #expect(abs(score.logProbability - expected[Int(score.id)]) < 1e-6)
      #expect(score.alternatives.map(\.id) == Array(likeliest.prefix(5)))
      for other in score.alternatives {
        #expect(abs(other.logProbability - expected[Int(other.id)]) < 1e-6)
      }
    }
  }
}
