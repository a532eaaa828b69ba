import Collectives
import Layers
import Models
import Tensors
import Testing
import Topology

@testable import Generation

@Suite struct EngineTests {
  @Test(
    "logits over pages are the bits of the model's own, in one piece and in several, packed or not",
    arguments: [Transformer.Positions.rotary, .learned])
  func pagedEqualsPlain(positions: Transformer.Positions) {
    let plain = EngineSupport.model(nil, positions: positions),
      packed = EngineSupport.model(.f32, positions: positions)
    let ids = EngineSupport.prompt(230)
    let whole = plain.logits(Microbatch(ids, sequences: 1, on: plain.device)).floats
    for model in [plain, packed] {
      let runner = ModelRunner(model, pageCount: 9)
      var pieces: [Float] = []
      for (start, end) in zip([0, 1, 2, 64, 65, 200], [1, 2, 64, 65, 200, 230]) {
        var plan = StepPlan()
        _ = plan.append(ids[start..<end], at: start, pages: [7, 2, 5, 0])
        plan.logitRows = (0..<Int32(end - start)).map { $0 }
        runner.run(plan) { pieces += $0.floats }
      }
      #expect(pieces == whole)
    }
  }

  @Test("greedy tokens are the likeliest of the uncached model, with its log-probabilities")
  func greedy() throws {
    let model = EngineSupport.model()
    var request = GenerationRequest(prompt: EngineSupport.prompt(5), maximumTokens: 100)
    request.sampling.temperature = 0
    request.alternatives = 2
    let outcome = try EngineSupport.run([request], model).outcomes[0]
    let scores = try #require(outcome.tokens[0])
    #expect(scores.count == 100 && outcome.ends == [0: .length])
    let plain = EngineSupport.model(nil)
    let ids = request.prompt + scores.map(\.id)
    let logits = plain.logits(Microbatch(ids, sequences: 1, on: plain.device))
    for (index, score) in scores.enumerated() {
      let row = logits.rows(4 + index..<5 + index).reshaped(Shape(61))
      #expect(score == TokenScore(id: score.id, logits: row, alternatives: 2))
      #expect(score.alternatives[0].id == score.id)
    }
  }

  @Test("what a request gives does not depend on the requests beside it, nor on the threads, bit for bit")
  func batching() throws {
    let model = EngineSupport.model(), requests = EngineSupport.mixed()
    let together = try EngineSupport.run(requests, model)
    #expect(together.statistics.preemptions == 0)
    for (request, outcome) in zip(requests, together.outcomes) {
      #expect(EngineSupport.areSame(try EngineSupport.run([request], model).outcomes[0], outcome))
      #expect(outcome.ends.count == request.choices)
    }
    let threaded = try EngineSupport.run(requests, EngineSupport.model(threads: 2)).outcomes
    for (a, b) in zip(threaded, together.outcomes) { #expect(EngineSupport.areSame(a, b)) }
  }

  @Test(
    "where pages run out, texts wait and are read again: nothing is lost or changed",
    arguments: [WeightFormat.f32, .bf16, .fp8, .int8])
  func preemption(format: WeightFormat) throws {
    let model = EngineSupport.model(format), requests = EngineSupport.mixed()
    let wide = try EngineSupport.run(requests, model)
    var options = EngineConfig()
    options.stepTokens = 50
    let narrow = try EngineSupport.run(requests, model, pages: 8, options: options)
    #expect(narrow.statistics.preemptions > 0)
    for (a, b) in zip(narrow.outcomes, wide.outcomes) { #expect(EngineSupport.areSame(a, b)) }
    #expect(narrow.statistics.usedPages == 0)
  }

  @Test("known beginnings are not computed again and change nothing")
  func prefixes() throws {
    let model = EngineSupport.model()
    let shared = EngineSupport.prompt(200)
    let requests = (0..<6).map { index in
      var request = GenerationRequest(
        prompt: shared + EngineSupport.prompt(10 + index, seed: index), maximumTokens: 20)
      request.sampling.seed = UInt64(index)
      request.alternatives = 1
      // Scores of a prompt are computed, not found.
      request.promptAlternatives = index == 4 ? 0 : nil
      return request
    }
    var forgetful = EngineConfig()
    forgetful.keepsPrefixes = false
    let plain = try EngineSupport.run(requests, model, options: forgetful)
    #expect(plain.statistics.cachedTokens == 0)
    var narrow = EngineConfig()
    narrow.runningLimit = 1
    let kept = try EngineSupport.run(requests, model, options: narrow)
    let page = model.device.pageTokens
    let found = [0, 1, 1, 1, 0, 1].map { $0 * (200 / page * page) }
    #expect(kept.outcomes.map(\.cached) == found)
    #expect(kept.statistics.cachedTokens == found.reduce(0, +))
    for (a, b) in zip(kept.outcomes, plain.outcomes) { #expect(EngineSupport.areSame(a, b)) }
  }

  @Test("choices share their prompt's pages until they write: each is what it would be alone")
  func choices() throws {
    let model = EngineSupport.model()
    var request = GenerationRequest(prompt: EngineSupport.prompt(100), maximumTokens: 40)
    request.choices = 5
    request.alternatives = 0
    let (outcomes, statistics) = try EngineSupport.run([request], model)
    #expect(statistics.promptTokens == 100 && statistics.writtenTokens == 200)
    #expect(Set(outcomes[0].tokens.values.map { $0.map(\.id) }).count == 5)
    request.choices = 2
    let fewer = try EngineSupport.run([request], model).outcomes[0]
    #expect(fewer.tokens[1] == outcomes[0].tokens[1])
  }

  @Test("a prompt's scores are the model's log-probabilities of its tokens, from the second on")
  func promptScores() throws {
    let model = EngineSupport.model(), plain = EngineSupport.model(nil)
    var request = GenerationRequest(prompt: EngineSupport.prompt(150), maximumTokens: 1)
    request.promptAlternatives = 1
    let scores = try #require(try EngineSupport.run([request], model).outcomes[0].prompt)
    let logits = plain.logits(Microbatch(request.prompt, sequences: 1, on: plain.device))
    #expect(scores.count == 149)
    for (index, score) in scores.enumerated() {
      let row = logits.rows(index..<index + 1).reshaped(Shape(61))
      #expect(score == TokenScore(id: request.prompt[index + 1], logits: row, alternatives: 1))
    }
  }

  @Test("a stop token ends a choice and is not given out")
  func stops() throws {
    let model = EngineSupport.model()
    var request = GenerationRequest(prompt: EngineSupport.prompt(9), maximumTokens: 50)
    request.sampling.temperature = 0
    let free = try #require(try EngineSupport.run([request], model).outcomes[0].tokens[0]).map(\.id)
    let stop = free[10]
    request.stops = [stop]
    let stopped = try EngineSupport.run([request], model).outcomes[0]
    let end = try #require(free.firstIndex(of: stop))
    #expect((stopped.tokens[0] ?? []).map(\.id) == Array(free[..<end]))
    #expect(stopped.ends == [0: .stop(stop)])
  }

  @Test(
    "tensor ranks and pipeline stages write what one rank writes",
    arguments: [Mesh(tensor: 2), Mesh(pipeline: 2), Mesh(tensor: 2, pipeline: 2), Mesh(tensor: 4)])
  func meshes(mesh: Mesh) throws {
    let requests = (0..<4).map { index in
      var request = GenerationRequest(
        prompt: EngineSupport.prompt(40 + 30 * index, seed: index), maximumTokens: 30)
      request.sampling.temperature = 0
      request.alternatives = 1
      request.promptAlternatives = index == 1 ? 0 : nil
      return request
    }
    let single = try EngineSupport.run(requests, EngineSupport.model()).outcomes
    let outcomes = try LocalCluster.run(mesh, limit: .seconds(60)) { rank in
      let model = EngineSupport.model(.f32, .share(of: EngineSupport.config(), on: rank))
      let runner = ModelRunner(model, rank: rank, pageCount: 60)
      guard rank.isFirst else {
        runner.follow()
        return [EngineSupport.Outcome]()
      }
      let engine = Engine(model.config), records = requests.map { _ in EngineSupport.Record() }
      for (request, record) in zip(requests, records) { _ = try engine.submit(request) { record.note($0) } }
      engine.run(runner, untilIdle: true)
      return records.map(\.outcome)
    }[0]
    for (a, b) in zip(outcomes, single) {
      #expect((a.tokens[0] ?? []).map(\.id) == (b.tokens[0] ?? []).map(\.id))
      #expect(a.prompt?.count == b.prompt?.count)
      for (x, y) in zip((a.tokens[0] ?? []) + (a.prompt ?? []), (b.tokens[0] ?? []) + (b.prompt ?? [])) {
        #expect(abs(x.logProbability - y.logProbability) < 1e-4)
      }
    }
  }

  @Test("an embedding is the mean of the last norm's output, of length one, however long the text is")
  func embeddings() async throws {
    let model = EngineSupport.model(), plain = EngineSupport.model(nil)
    let ids = EngineSupport.prompt(170)
    let engine = Engine(model.config)
    async let vector = engine.embed(ids)
    async let running: Void = EngineSupport.onThread(model) { engine.run(ModelRunner($0, pageCount: 9)) }
    let own = try await vector
    engine.close()
    await running
    let microbatch = Microbatch(ids, sequences: 1, on: plain.device)
    let head = try #require(plain.head as? LanguageModelHead)
    let rows = head.normed(plain.hidden(microbatch), microbatch)
    var mean = [Double](repeating: 0, count: 32)
    for row in 0..<170 {
      for (index, x) in rows.rows(row..<row + 1).floats.enumerated() { mean[index] += Double(x) }
    }
    let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
    for (a, b) in zip(own, mean) { #expect(abs(Double(a) - b / length) < 1e-5) }
  }
}
