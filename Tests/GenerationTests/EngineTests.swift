import Collectives
import Dispatch
import Layers
import Models
import Synchronization
import Tensors
import Testing
import Topology

@testable import Generation

@Suite struct EngineTests {
  // MARK: A small model, and requests

  static func config(positions: Transformer.Positions = .rotary) -> Transformer.Config {
    var config = Transformer.Config()
    config.layers = 2
    config.width = 32
    config.heads = 4
    config.keyValueHeads = 2
    config.vocabulary = 61
    config.context = 400
    config.positions = positions
    config.rotaryFraction = 0.5
    return config
  }

  static func model(
    _ format: WeightFormat? = .f32, positions: Transformer.Positions = .rotary,
    _ part: TransformerPart? = nil,
    threads: Int = 1
  ) -> Transformer {
    let device = Device(threads: threads)
    var config = config(positions: positions)
    config.initialDeviation = 0.3
    let model = Transformer(config, part: part, isTrained: false, packing: format, on: device)
    model.store.initialize(seed: 5)
    return model
  }

  static func prompt(_ length: Int, seed: Int = 0) -> [Int32] {
    (0..<length).map { Int32(RandomKey(seed: UInt64(seed)).at($0).value % 61) }
  }

  /// What became of a request.
  struct Outcome: Equatable {
    var prompt: [TokenScore]?
    var tokens: [Int: [TokenScore]] = [:]
    var ends: [Int: GenerationEnd] = [:]
    /// Of all choices together.
    var endCount = 0
  }

  final class Record: Sendable {
    private let state = Mutex(Outcome())
    var outcome: Outcome { state.withLock { $0 } }

    func note(_ event: GenerationEvent) {
      state.withLock { outcome in
        switch event {
        case .prompt(let scores): outcome.prompt = scores
        case .token(let choice, let score): outcome.tokens[choice, default: []].append(score)
        case .end(let choice, let end):
          outcome.ends[choice] = end
          outcome.endCount += 1
        }
      }
    }
  }

  /// What an engine makes of requests that come together, and how it did.
  static func run(
    _ requests: [GenerationRequest], _ model: Transformer, pages: Int = 200,
    options: EngineConfig = EngineConfig()
  ) throws -> (outcomes: [Outcome], statistics: GenerationStatistics) {
    let engine = Engine(model.config, options)
    let records = requests.map { _ in Record() }
    for (request, record) in zip(requests, records) { _ = try engine.submit(request) { record.note($0) } }
    engine.run(ModelRunner(model, pageCount: pages), untilIdle: true)
    return (records.map(\.outcome), engine.statistics)
  }

  /// Requests of every kind: long and short, greedy and sampled, with scores and without, one choice and several.
  static func mixed() -> [GenerationRequest] {
    (0..<12).map { index in
      var request = GenerationRequest(
        prompt: prompt([3, 70, 1, 150, 64, 65, 20, 200, 33, 128, 5, 90][index], seed: index),
        maximumTokens: [20, 80, 130, 5, 40, 1, 0, 60, 70, 33, 100, 64][index])
      request.sampling.temperature = index % 3 == 0 ? 0 : 0.9
      request.sampling.topP = index % 2 == 0 ? 0.9 : 1
      request.sampling.repetitionPenalty = index % 4 == 1 ? 1.2 : 1
      request.sampling.seed = UInt64(index)
      request.choices = index % 5 == 2 ? 3 : 1
      request.alternatives = index % 2 == 0 ? 3 : nil
      request.promptAlternatives = index % 3 == 1 ? 2 : nil
      return request
    }
  }

  /// As `==`, but that a log-probability that nobody asked for, a NaN, equals another.
  static func areSame(_ a: Outcome, _ b: Outcome) -> Bool { "\(a.sorted)" == "\(b.sorted)" }

  // MARK: Claims

  @Test(
    "logits over pages are the bits of the model's own, in one piece and in several, packed or not",
    arguments: [Transformer.Positions.rotary, .learned])
  func pagedEqualsPlain(positions: Transformer.Positions) {
    let plain = Self.model(nil, positions: positions), packed = Self.model(.f32, positions: positions)
    let ids = Self.prompt(230)
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
    let model = Self.model()
    var request = GenerationRequest(prompt: Self.prompt(5), maximumTokens: 100)
    request.sampling.temperature = 0
    request.alternatives = 2
    let outcome = try Self.run([request], model).outcomes[0]
    let scores = try #require(outcome.tokens[0])
    #expect(scores.count == 100 && outcome.ends == [0: .length])
    let plain = Self.model(nil)
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
    let model = Self.model(), requests = Self.mixed()
    let together = try Self.run(requests, model)
    #expect(together.statistics.preemptions == 0)
    for (request, outcome) in zip(requests, together.outcomes) {
      #expect(Self.areSame(try Self.run([request], model).outcomes[0], outcome))
      #expect(outcome.ends.count == request.choices)
    }
    let threaded = try Self.run(requests, Self.model(threads: 2)).outcomes
    for (a, b) in zip(threaded, together.outcomes) { #expect(Self.areSame(a, b)) }
  }

  @Test(
    "where pages run out, texts wait and are read again: nothing is lost or changed",
    arguments: [WeightFormat.f32, .bf16, .fp8, .int8])
  func preemption(format: WeightFormat) throws {
    let model = Self.model(format), requests = Self.mixed()
    let wide = try Self.run(requests, model)
    var options = EngineConfig()
    options.stepTokens = 50
    let narrow = try Self.run(requests, model, pages: 8, options: options)
    #expect(narrow.statistics.preemptions > 0)
    for (a, b) in zip(narrow.outcomes, wide.outcomes) { #expect(Self.areSame(a, b)) }
    #expect(narrow.statistics.usedPages == 0)
  }

  @Test("known beginnings are not computed again and change nothing")
  func prefixes() throws {
    let model = Self.model()
    let shared = Self.prompt(200)
    let requests = (0..<6).map { index in
      var request = GenerationRequest(
        prompt: shared + Self.prompt(10 + index, seed: index), maximumTokens: 20)
      request.sampling.seed = UInt64(index)
      request.alternatives = 1
      // Scores of a prompt are computed, not found.
      request.promptAlternatives = index == 4 ? 0 : nil
      return request
    }
    var forgetful = EngineConfig()
    forgetful.keepsPrefixes = false
    let plain = try Self.run(requests, model, options: forgetful)
    #expect(plain.statistics.cachedTokens == 0)
    var narrow = EngineConfig()
    narrow.runningLimit = 1
    let kept = try Self.run(requests, model, options: narrow)
    let page = model.device.pageTokens
    #expect(kept.statistics.cachedTokens == 4 * (200 / page * page))
    for (a, b) in zip(kept.outcomes, plain.outcomes) { #expect(Self.areSame(a, b)) }
  }

  @Test("choices share their prompt's pages until they write: each is what it would be alone")
  func choices() throws {
    let model = Self.model()
    var request = GenerationRequest(prompt: Self.prompt(100), maximumTokens: 40)
    request.choices = 5
    request.alternatives = 0
    let (outcomes, statistics) = try Self.run([request], model)
    #expect(statistics.promptTokens == 100 && statistics.writtenTokens == 200)
    #expect(Set(outcomes[0].tokens.values.map { $0.map(\.id) }).count == 5)
    request.choices = 2
    let fewer = try Self.run([request], model).outcomes[0]
    #expect(fewer.tokens[1] == outcomes[0].tokens[1])
  }

  @Test("a prompt's scores are the model's log-probabilities of its tokens, from the second on")
  func promptScores() throws {
    let model = Self.model(), plain = Self.model(nil)
    var request = GenerationRequest(prompt: Self.prompt(150), maximumTokens: 1)
    request.promptAlternatives = 1
    let scores = try #require(try Self.run([request], model).outcomes[0].prompt)
    let logits = plain.logits(Microbatch(request.prompt, sequences: 1, on: plain.device))
    #expect(scores.count == 149)
    for (index, score) in scores.enumerated() {
      let row = logits.rows(index..<index + 1).reshaped(Shape(61))
      #expect(score == TokenScore(id: request.prompt[index + 1], logits: row, alternatives: 1))
    }
  }

  @Test("a stop token ends a choice and is not given out")
  func stops() throws {
    let model = Self.model()
    var request = GenerationRequest(prompt: Self.prompt(9), maximumTokens: 50)
    request.sampling.temperature = 0
    let free = try #require(try Self.run([request], model).outcomes[0].tokens[0]).map(\.id)
    let stop = free[10]
    request.stops = [stop]
    let stopped = try Self.run([request], model).outcomes[0]
    let end = try #require(free.firstIndex(of: stop))
    #expect((stopped.tokens[0] ?? []).map(\.id) == Array(free[..<end]))
    #expect(stopped.ends == [0: .stop(stop)])
  }

  @Test(
    "tensor ranks and pipeline stages write what one rank writes",
    arguments: [Mesh(tensor: 2), Mesh(pipeline: 2), Mesh(tensor: 2, pipeline: 2), Mesh(tensor: 4)])
  func meshes(mesh: Mesh) throws {
    let requests = (0..<4).map { index in
      var request = GenerationRequest(prompt: Self.prompt(40 + 30 * index, seed: index), maximumTokens: 30)
      request.sampling.temperature = 0
      request.alternatives = 1
      request.promptAlternatives = index == 1 ? 0 : nil
      return request
    }
    let single = try Self.run(requests, Self.model()).outcomes
    let outcomes = try LocalCluster.run(mesh, limit: .seconds(60)) { rank in
      let model = Self.model(.f32, .share(of: Self.config(), on: rank))
      let runner = ModelRunner(model, rank: rank, pageCount: 60)
      guard rank.isFirst else {
        runner.follow()
        return [Outcome]()
      }
      let engine = Engine(model.config), records = requests.map { _ in Record() }
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
    let model = Self.model(), plain = Self.model(nil)
    let ids = Self.prompt(170)
    let engine = Engine(model.config)
    async let vector = engine.embed(ids)
    async let running: Void = Self.onThread(model) { engine.run(ModelRunner($0, pageCount: 9)) }
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

  @Test("requests that can never run are refused with the parameter's name")
  func refusals() throws {
    let engine = Engine(Self.config())
    func parameter(_ change: (inout GenerationRequest) -> Void) -> String? {
      var request = GenerationRequest(prompt: [1], maximumTokens: 1)
      change(&request)
      do {
        _ = try engine.submit(request) { _ in }
        return "taken"
      } catch { return error.kind == .invalid ? error.parameter : nil }
    }
    #expect(parameter { $0.prompt = [] } == "prompt")
    #expect(parameter { $0.prompt = [61] } == "prompt")
    #expect(parameter { $0.maximumTokens = 400 } == "max_tokens")
    #expect(parameter { $0.maximumTokens = .max } == "max_tokens")
    #expect(parameter { $0.maximumTokens = -1 } == "max_tokens")
    #expect(parameter { $0.choices = 0 } == "n")
    #expect(parameter { $0.sampling.topP = 0 } == "top_p")
    #expect(parameter { $0.sampling.temperature = .nan } == "temperature")
    #expect(parameter { $0.sampling.logitBias = [99: 1] } == "logit_bias")
    #expect(parameter { _ in } == "taken")
  }

  @Test("a cancelled request ends, the others go on; a closed engine takes none and finishes those it has")
  func cancelling() async throws {
    let model = Self.model()
    let engine = Engine(model.config), records = (0..<3).map { _ in Record() }
    var request = GenerationRequest(prompt: Self.prompt(10), maximumTokens: 380)
    request.choices = 2
    var tickets: [any GenerationTicket] = []
    for record in records { tickets.append(try engine.submit(request) { record.note($0) }) }
    tickets[0].cancel()
    tickets[1].cancel(choice: 1)
    async let running: Void = Self.onThread(model) { engine.run(ModelRunner($0, pageCount: 100)) }
    engine.close()
    #expect(throws: GenerationFailure.self) { _ = try engine.submit(request) { _ in } }
    await running
    #expect(records[0].outcome.ends == [0: .cancelled, 1: .cancelled])
    #expect(records[1].outcome.ends == [0: .length, 1: .cancelled])
    #expect(records[2].outcome.ends == [0: .length, 1: .length])
    #expect(records.map(\.outcome.endCount) == [2, 2, 2])
    #expect(engine.statistics.usedPages == 0)
  }

  @Test("a text whose reader is behind waits for it, and others do not")
  func backlog() async throws {
    let model = Self.model()
    var options = EngineConfig()
    options.backlogLimit = 3
    let engine = Engine(model.config, options), slow = Record(), quick = Record()
    let request = GenerationRequest(prompt: Self.prompt(10), maximumTokens: 50)
    let ticket = try engine.submit(request) { slow.note($0) }
    ticket.setBacklog(4)
    _ = try engine.submit(request) { quick.note($0) }
    async let running: Void = Self.onThread(model) { engine.run(ModelRunner($0, pageCount: 100)) }
    while quick.outcome.ends.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
    #expect(slow.outcome.ends.isEmpty && (slow.outcome.tokens[0] ?? []).count <= 1)
    ticket.setBacklog(0)
    engine.close()
    await running
    #expect(slow.outcome.tokens[0]?.map(\.id) == quick.outcome.tokens[0]?.map(\.id))
  }

  @Test("a queue that is full says so")
  func busy() throws {
    var options = EngineConfig()
    options.queueLimit = 2
    let engine = Engine(Self.config(), options)
    let request = GenerationRequest(prompt: [1], maximumTokens: 1)
    for _ in 0..<2 { _ = try engine.submit(request) { _ in } }
    #expect { _ = try engine.submit(request) { _ in } } throws: { ($0 as? GenerationFailure)?.kind == .busy }
  }
}

/// A value handed to the thread that uses it from now on.
private struct Handed<Value>: @unchecked Sendable { let value: Value }

extension EngineTests {
  /// Runs `body` on a thread of its own: those of tasks must not wait for each other.
  static func onThread(_ model: Transformer, _ body: @escaping @Sendable (Transformer) -> Void) async {
    let handed = Handed(value: model)
    await withCheckedContinuation { done in
      DispatchQueue(label: "engine").async {
        body(handed.value)
        done.resume()
      }
    }
  }
}

extension EngineTests.Outcome {
  fileprivate var sorted: [String] {
    ["\(prompt.map { "\($0)" } ?? "")"] + tokens.sorted { $0.key < $1.key }.map { "\($0)" }
      + ends.sorted { $0.key < $1.key }.map { "\($0)" }
  }
}

@Suite struct StepPlanTests {
  @Test("a plan that went to another rank is the same plan")
  func roundTrip() {
    var plan = StepPlan()
    _ = plan.append([5, 6, 7], at: 10, pages: [3, 1])
    _ = plan.append([9], at: 0, pages: [2])
    plan.copies = [(4, 2)]
    plan.logitRows = [2, 3]
    plan.hiddenRows = [0]
    let copy = StepPlan(encoded: plan.encoded)
    #expect(copy == plan && copy.positions == [10, 11, 12, 0] && copy.tables == [[3, 1], [2]])
  }
}
