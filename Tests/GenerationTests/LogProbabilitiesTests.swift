import Tensors
import Testing

@testable import Generation

@Suite struct LogProbabilitiesTests {
  let rows = Rows()

  @Test("the likeliest come in order, of equals the lower id first", arguments: [1, 20, 300, 4000])
  func order(count: Int) {
    // A few hundred alike at every half.
    let logits = rows.normal(3001, deviation: 2).map { ($0 * 2).rounded() / 2 }
    let score = TokenScore(id: 7, logits: rows.row(logits), alternatives: count)
    #expect(score.alternatives.map { Int($0.id) } == Array(ranked(logits).prefix(count)))
    let own = score.alternatives.first { $0.id == 7 }
    #expect(own == nil || own?.logProbability == score.logProbability)
    #expect(count < 3001 || own != nil)
  }

  @Test("tokens too unlikely to weigh anything are named in their order too")
  func weightless() {
    let logits: [Float] = [-500, 0, .nan, -400, -.infinity, -500]
    let score = TokenScore(id: 3, logits: rows.row(logits), alternatives: 9)
    #expect(score.alternatives.map(\.id) == [1, 3, 0, 5, 4])
    #expect(score.alternatives.map(\.logProbability) == [0, -400, -500, -500, -.infinity])
  }

  @Test("a choice's penalties, bias and temperature leave the log-probabilities as they were")
  func unchanged() {
    var sampler = Sampler(
      SamplingOptions {
        $0.temperature = 0
        $0.repetitionPenalty = 2
        $0.logitBias = [0: 100]
      }, choice: 0, prompt: [1], alternatives: 2)
    let score = sampler.next(rows.row([0, 3, 2]))
    #expect(score.id == 0)
    #expect(score.alternatives.map(\.id) == [1, 2])
    // ln(1 + e³ + e²)
    #expect(abs(score.logProbability + 3.3490122) < 1e-6)
    #expect(abs(score.alternatives[0].logProbability + 0.3490122) < 1e-6)
  }

  @Test("a score is made where it is asked for only")
  func askedFor() {
    func score(_ alternatives: Int?) -> TokenScore {
      var sampler = Sampler(
        SamplingOptions { $0.temperature = 0 }, choice: 0, prompt: [], alternatives: alternatives)
      return sampler.next(rows.row([1, 1]))
    }
    #expect(score(nil).logProbability.isNaN && score(nil).alternatives.isEmpty)
    #expect(abs(score(0).logProbability + 0.6931472) < 1e-6 && score(0).alternatives.isEmpty)
  }

  @Test("a NaN is never chosen, and counts as impossible", arguments: [0.0, 1])
  func notANumber(temperature: Double) {
    let options = SamplingOptions { $0.temperature = temperature }
    var sampler = Sampler(options, choice: 0, prompt: [], alternatives: 4)
    for _ in 0..<200 {
      let score = sampler.next(rows.row([.nan, 2, .nan, 1]))
      #expect(score.id == 1 || (score.id == 3 && temperature > 0))
      #expect(score.alternatives.map(\.id) == [1, 3])
      #expect(abs(score.alternatives[0].logProbability + 0.3132617) < 1e-6)
    }
  }

  @Test(
    "rows without a finite largest logit give an id and no probability",
    arguments: [
      ([Float.nan, .nan], 0), ([.nan, -.infinity, -.infinity], 1), ([5, .infinity, .nan, .infinity], 1),
    ], [0.0, 1])
  func infinite(row: ([Float], Int), temperature: Double) {
    let options = SamplingOptions { $0.temperature = temperature }
    var sampler = Sampler(options, choice: 0, prompt: [], alternatives: 2)
    let score = sampler.next(rows.row(row.0))
    #expect(score.id == Int32(row.1) && score.logProbability.isNaN && score.alternatives.isEmpty)
  }
}
