import Logging
import ServiceLifecycle
import Testing

@testable import Serving

@Suite("A shutdown", .timeLimit(.minutes(2)))
struct ShutdownTests {
  @Test("finishes what runs, and takes nothing new", arguments: [true, false])
  func finishes(streams: Bool) async throws {
    let service = ScriptedService("the whole answer")
    service.state.withLock { $0.tokensAllowed = 3 }
    try await Served.with(service) { served in
      async let reply = served.post("/v1/completions", #"{"prompt":"a","stream":\#(streams)}"#)
      try await eventually("it runs") { service.state.withLock { $0.written == 3 } }
      served.server.shutdown()
      // New connections are refused, sooner or later.
      while let reply = try? await served.get("/health") { #expect(reply.status == 200) }
      service.state.withLock { $0.tokensAllowed = nil }
      let text =
        try await streams
        ? reply.chunks.compactMap { $0["choices"]?[0]?["text"]?.string }.joined()
        : reply.json["choices"]?[0]?["text"]?.string
      #expect(text == "the whole answer")
    }
  }

  @Test("closes connections that rest")
  func idle() async throws {
    try await Served.with(ScriptedService("x")) { served in
      try await Wire.with(served.port) { wire in
        try await wire.send(Served.request("GET", "/health", nil))
        #expect(try await wire.reply().status == 200)
        served.server.shutdown()
        while await wire.receive() {}
      }
    }
  }

  @Test("ends what takes longer than it waits", arguments: [true, false])
  func drain(streams: Bool) async throws {
    let service = ScriptedService("never ends")
    service.state.withLock { $0.tokensAllowed = 2 }
    var config = ServerConfig()
    config.timeouts.drain = .milliseconds(200)
    try await Served.with(service, config: config) { served in
      async let reply = served.post("/v1/completions", #"{"prompt":"a","stream":\#(streams)}"#)
      try await eventually("it runs") { service.state.withLock { $0.written == 2 } }
      served.server.shutdown()
      let got = try await reply
      if streams {
        #expect(got.status == 200)
        #expect(got.events.last?.contains("shutting down") == true)
      } else {
        #expect(got.status == 503)
      }
      try await eventually("it is cancelled") { service.state.withLock { $0.cancelled == 1 } }
    }
  }

  @Test("comes with the service group's, and with the task's end", arguments: [true, false])
  func others(byGroup: Bool) async throws {
    let service = ScriptedService("answer")
    service.state.withLock { $0.tokensAllowed = 1 }
    var config = ServerConfig()
    config.port = 0
    let (ports, report) = AsyncStream<Int>.makeStream()
    let server = Server(config, ModelSlot(Served.model(service))) { report.yield($0) }
    let group = ServiceGroup(services: [server], logger: Logger(label: "test"))
    let running = Task { if byGroup { try await group.run() } else { try await server.run() } }
    var iterator = ports.makeAsyncIterator()
    let served = Served(port: try #require(await iterator.next()), server: server, slot: ModelSlot())
    async let reply = served.post("/v1/completions", #"{"prompt":"a"}"#)
    try await eventually("it runs") { service.state.withLock { $0.written == 1 } }
    if byGroup { await group.triggerGracefulShutdown() } else { running.cancel() }
    try await Task.sleep(for: .milliseconds(100))
    service.state.withLock { $0.tokensAllowed = nil }
    #expect(try await reply.json["choices"]?[0]?["text"] == .string("answer"))
    try await running.value
  }

  @Test("that many requests race with loses none that was answered with 200")
  func race() async throws {
    let service = ScriptedService("a long enough answer")
    try await Served.with(service) { served in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<40 {
          group.addTask {
            // Refused connections are fine; half an answer is not.
            guard
              let reply = try? await served.post(
                "/v1/completions", #"{"prompt":"a","max_tokens":50,"stream":true}"#)
            else { return }
            #expect(reply.status == 200)
            #expect(reply.events.last == "[DONE]")
          }
          if index == 20 { served.server.shutdown() }
        }
        try await group.waitForAll()
      }
    }
  }
}
