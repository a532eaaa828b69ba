import Generation
import Testing

@Suite struct SamplerTests {
  func frequencies(_ options: Sampler.Options, _ logits: [Float], draws: Int = 20_000) -> [Double] {
    var sampler = Sampler(options)
    var counts = [Double](repeating: 0, count: logits.count)
    for _ in 0..<draws { counts[Int(sampler.next(logits))] += 1 / Double(draws) }
    return counts
  }

  /// ln of 0.5, 0.3, 0.15, 0.05
  let logits: [Float] = [-0.6931472, -1.2039728, -1.89712, -2.9957323]

  @Test("tokens are drawn as often as they are likely", arguments: [0, 1, 2, 3] as [UInt64])
  func probabilities(seed: UInt64) {
    var options = Sampler.Options()
    options.seed = seed
    for (drawn, expected) in zip(frequencies(options, logits), [0.5, 0.3, 0.15, 0.05]) {
      #expect(abs(drawn - expected) < 0.012)
    }
  }

  @Test("the first draw is spread over seeds as any other draw is")
  func firstDraws() {
    var counts = [0.0, 0, 0, 0]
    for seed in 0..<4000 {
      var options = Sampler.Options()
      options.seed = UInt64(seed)
      var sampler = Sampler(options)
      counts[Int(sampler.next(logits))] += 1 / 4000
    }
    for (drawn, expected) in zip(counts, [0.5, 0.3, 0.15, 0.05]) { #expect(abs(drawn - expected) < 0.03) }
  }

  @Test("top-k and top-p leave the likely ones, in proportion; temperature 0 the likeliest")
  func truncation() {
    var options = Sampler.Options()
    options.topK = 2
    for (drawn, expected) in zip(frequencies(options, logits), [0.625, 0.375, 0, 0]) {
      #expect(abs(drawn - expected) < 0.012)
    }
    options.topK = 0
    options.topP = 0.9
    for (drawn, expected) in zip(frequencies(options, logits), [0.526, 0.316, 0.158, 0]) {
      #expect(abs(drawn - expected) < 0.012)
    }
    options.temperature = 0
    #expect(frequencies(options, logits, draws: 10)[0] > 0.99)
  }

  @Test("options that mean nothing are refused")
  func problems() {
    var options = Sampler.Options()
    #expect(options.problem == nil)
    options.temperature = -1
    #expect(options.problem != nil)
    options.temperature = .nan
    #expect(options.problem != nil)
    options.temperature = 1
    options.topP = 0
    #expect(options.problem != nil)
  }
}
