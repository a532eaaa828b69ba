import Tensors
import Testing

@testable import Generation

@Suite struct SamplerTests {
  let rows = Rows()

  func tokens(_ sampler: inout Sampler, _ logits: [Float], count: Int) -> [Int32] {
    (0..<count).map { _ in sampler.next(rows.row(logits)).id }
  }

  func tokens(_ options: SamplingOptions, choice: Int = 0, _ logits: [Float], count: Int) -> [Int32] {
    var sampler = Sampler(options, choice: choice, prompt: [], alternatives: nil)
    return tokens(&sampler, logits, count: count)
  }

  /// χ² of tokens against probabilities, and its degrees of freedom; tokens expected fewer than five times are one.
  func chiSquare(_ ids: [Int32], _ probabilities: [Double]) -> (value: Double, freedom: Int) {
    var drawn = [Double](repeating: 0, count: probabilities.count)
    for id in ids { drawn[Int(id)] += 1 }
    var value = 0.0, bins = 0, rest = (drawn: 0.0, expected: 0.0)
    for (drawn, p) in zip(drawn, probabilities) {
      let expected = p * Double(ids.count)
      if expected == 0 { #expect(drawn == 0) }
      if expected < 5 {
        rest = (rest.drawn + drawn, rest.expected + expected)
      } else {
        value += (drawn - expected) * (drawn - expected) / expected
        bins += 1
      }
    }
    if rest.expected > 0 {
      value += (rest.drawn - rest.expected) * (rest.drawn - rest.expected) / rest.expected
      bins += 1
    }
    return (value, bins - 1)
  }

  static let options: [SamplingOptions] = [
    SamplingOptions(), SamplingOptions { $0.temperature = 2.5 }, SamplingOptions { $0.topK = 12 },
    SamplingOptions { $0.topP = 0.8 }, SamplingOptions { $0.minP = 0.05 },
    SamplingOptions {
      $0.temperature = 1.5
      $0.topK = 30
      $0.topP = 0.9
      $0.minP = 0.02
      $0.seed = 77
    },
  ]

  @Test("20,000 tokens are drawn as often as they are likely", arguments: options, [40, 2500])
  func distribution(options: SamplingOptions, vocabulary: Int) {
    let logits = rows.normal(vocabulary, deviation: 2, key: 9)
    let probabilities = rows.candidates(options, logits).probabilities
    let (value, freedom) = chiSquare(tokens(options, logits, count: 20_000), probabilities)
    // Four deviations beyond what is expected.
    #expect(value < Double(freedom) + 4 * (2 * Double(freedom)).squareRoot(), "\(value) of \(freedom)")
  }

  @Test("first tokens are spread over seeds, and over choices, as later ones are")
  func firstTokens() {
    let logits: [Float] = [-0.6931472, -1.2039728, -1.89712, -2.9957323]
    let bySeed = (0..<4000).flatMap { seed in
      tokens(SamplingOptions { $0.seed = UInt64(seed) }, logits, count: 1)
    }
    let byChoice = (0..<4000).flatMap { tokens(SamplingOptions(), choice: $0, logits, count: 1) }
    #expect(chiSquare(bySeed, [0.5, 0.3, 0.15, 0.05]).value < 13)
    #expect(chiSquare(byChoice, [0.5, 0.3, 0.15, 0.05]).value < 13)
  }

  @Test("a seed and a choice repeat their tokens; another seed or choice draws others", arguments: options)
  func reproducible(options: SamplingOptions) {
    let logits = rows.normal(3000, deviation: 1)
    let first = tokens(options, logits, count: 50)
    #expect(tokens(options, logits, count: 50) == first)
    #expect(tokens(options, choice: 1, logits, count: 50) != first)
    var other = options
    other.seed += 1
    #expect(tokens(other, logits, count: 50) != first)
  }

  @Test("a copy of a sampler goes on where it was taken, penalties included")
  func resumes() {
    let logits = rows.normal(50, deviation: 1)
    let options = SamplingOptions {
      $0.presencePenalty = 1
      $0.frequencyPenalty = 0.5
    }
    var sampler = Sampler(options, choice: 2, prompt: [1, 2], alternatives: nil)
    _ = tokens(&sampler, logits, count: 20)
    var copy = sampler
    let rest = tokens(&sampler, logits, count: 30)
    #expect(tokens(&copy, logits, count: 30) == rest)
    #expect(tokens(options, choice: 2, logits, count: 30) != rest)
  }

  @Test("tokens and scores are the same on any number of threads", arguments: options)
  func threads(options: SamplingOptions) {
    func scores(threads: Int) -> [TokenScore] {
      let rows = Rows(threads: threads)
      let logits = rows.normal(30_011, deviation: 2)
      var sampler = Sampler(options, choice: 0, prompt: [], alternatives: 3)
      return (0..<20).map { _ in sampler.next(rows.row(logits)) }
    }
    #expect(scores(threads: 2) == scores(threads: 1))
    #expect(scores(threads: 3) == scores(threads: 1))
  }

  @Test("temperature 0 takes the largest logit, of equals the lowest id, after penalties and bias")
  func greedy() {
    let greedy = SamplingOptions { $0.temperature = 0 }
    #expect(tokens(greedy, [1, 3, -1, 3], count: 2) == [1, 1])
    var penalised = greedy
    penalised.frequencyPenalty = 0.4
    #expect(tokens(penalised, [1, 3, -1, 3], count: 4) == [1, 3, 1, 3])
    penalised.logitBias = [2: 100]
    #expect(tokens(penalised, [1, 3, -1, 3], count: 2) == [2, 2])
  }

  @Test("a bias of −100 bans a token, one of +100 makes sure of it, one beyond the vocabulary is passed over")
  func bias() {
    let logits: [Float] = [4, 1, 0, 2]
    let banned = tokens(SamplingOptions { $0.logitBias = [0: -100, 4: 100, -1: 100] }, logits, count: 500)
    #expect(Set(banned) == [1, 2, 3])
    #expect(Set(tokens(SamplingOptions { $0.logitBias = [2: 100] }, logits, count: 500)) == [2])
  }

  @Test("the repetition penalty counts the prompt, presence and frequency what was written")
  func penalties() {
    var sampler = Sampler(
      SamplingOptions {
        $0.repetitionPenalty = 2
        $0.presencePenalty = 0.5
        $0.frequencyPenalty = 0.25
        $0.temperature = 0
      }, choice: 0, prompt: [0, 1, 1, 9], alternatives: nil)
    for id in [2, 2, 1] {
      var forced: [Float] = [0, 0, 0, 0]
      forced[id] = 1000
      #expect(sampler.next(rows.row(forced)).id == Int32(id))
    }
    // In the prompt; there and written once; written twice; neither.
    #expect(sampler.changed(rows.row([4, -4, 4, 4])).floats == [2, -8.75, 1, 4])
  }

  @Test("a vocabulary of one token gives it, with certainty", arguments: options)
  func oneToken(options: SamplingOptions) {
    var sampler = Sampler(options, choice: 0, prompt: [0], alternatives: 2)
    let score = sampler.next(rows.row([-3]))
    #expect(score == TokenScore(id: 0, logProbability: 0, alternatives: [.init(id: 0, logProbability: 0)]))
  }

  @Test("tokens after the first take no new memory from the device", arguments: options)
  func memory(options: SamplingOptions) {
    var sampler = Sampler(options, choice: 0, prompt: [3], alternatives: 3)
    let logits = rows.row(rows.normal(3000, deviation: 2))
    _ = sampler.next(logits)
    let misses = rows.device.misses
    for _ in 0..<20 { _ = sampler.next(logits) }
    #expect(rows.device.misses == misses)
  }

  @Test("options that mean nothing are refused by name")
  func problems() {
    #expect(SamplingOptions().problem == nil)
    #expect(SamplingOptions { $0.temperature = -1 }.problem?.parameter == "temperature")
    #expect(SamplingOptions { $0.temperature = .nan }.problem?.parameter == "temperature")
    #expect(SamplingOptions { $0.topP = 0 }.problem?.parameter == "top_p")
    #expect(SamplingOptions { $0.logitBias = [3: 101] }.problem?.parameter == "logit_bias")
  }
}
