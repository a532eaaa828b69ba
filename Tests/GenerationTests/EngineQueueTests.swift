import Testing

@testable import Generation

@Suite struct EngineQueueTests {
  @Test("requests that can never run are refused with the parameter's name")
  func refusals() throws {
    let engine = Engine(EngineSupport.config())
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
    let model = EngineSupport.model()
    let engine = Engine(model.config), records = (0..<3).map { _ in EngineSupport.Record() }
    var request = GenerationRequest(prompt: EngineSupport.prompt(10), maximumTokens: 380)
    request.choices = 2
    var tickets: [any GenerationTicket] = []
    for record in records { tickets.append(try engine.submit(request) { record.note($0) }) }
    tickets[0].cancel()
    tickets[1].cancel(choice: 1)
    async let running: Void = EngineSupport.onThread(model) { engine.run(ModelRunner($0, pageCount: 100)) }
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
    let model = EngineSupport.model()
    var options = EngineConfig()
    options.backlogLimit = 3
    let engine = Engine(model.config, options), slow = EngineSupport.Record(), quick = EngineSupport.Record()
    let request = GenerationRequest(prompt: EngineSupport.prompt(10), maximumTokens: 50)
    let ticket = try engine.submit(request) { slow.note($0) }
    ticket.setBacklog(4)
    _ = try engine.submit(request) { quick.note($0) }
    async let running: Void = EngineSupport.onThread(model) { engine.run(ModelRunner($0, pageCount: 100)) }
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
    let engine = Engine(EngineSupport.config(), options)
    let request = GenerationRequest(prompt: [1], maximumTokens: 1)
    for _ in 0..<2 { _ = try engine.submit(request) { _ in } }
    #expect { _ = try engine.submit(request) { _ in } } throws: { ($0 as? GenerationFailure)?.kind == .busy }
  }
}
