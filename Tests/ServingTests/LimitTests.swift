import Generation
import Testing

@testable import Serving

@Suite("Limits", .timeLimit(.minutes(2)))
struct LimitTests {
  static func config(_ change: (inout ServerConfig) -> Void) -> ServerConfig {
    var config = ServerConfig()
    change(&config)
    return config
  }

  @Test("refuse bodies that are too large, said to be or not")
  func large() async throws {
    try await Served.with(ScriptedService("x"), config: Self.config { $0.limits.bodyBytes = 1000 }) {
      served in
      let body = #"{"prompt":""# + String(repeating: "a", count: 2000) + "\"}"
      let reply = try await served.post("/v1/completions", body)
      #expect(reply.status == 413)
      #expect(try reply.json["error"]?["message"]?.string?.contains("1000 bytes") == true)
      try await Wire.with(served.port) { wire in
        try await wire.send(
          "POST /tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n\(body.prefix(2000))\r\n"
        )
        #expect(try await wire.reply().status == 413)
      }
      // Who asks before sending is told at once.
      try await Wire.with(served.port) { wire in
        try await wire.send(
          "POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await wire.reply().status == 413)
      }
    }
  }

  @Test("let a client that asks before sending go on")
  func expectContinue() async throws {
    try await Served.with(ScriptedService("x")) { served in
      try await Wire.with(served.port) { wire in
        try await wire.send(
          "POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await wire.head().0 == 100)
        try await wire.send(#"{"prompt":"ab"}"#.dropLast() + "")
        #expect(try await wire.reply().status == 400)
      }
    }
  }

  @Test(
    "refuse bodies that are not JSON by type",
    arguments: [
      ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
      ("application/json; charset=latin1", 415),
      ("application/json", 200), ("Application/JSON; charset=UTF-8", 200), ("application/vnd.x+json", 200),
      ("", 200),
    ])
  func types(type: String, status: Int) async throws {
    try await Served.with(ScriptedService("x")) { served in
      let reply = try await served.post("/tokenize", #"{"prompt":"a"}"#, ["Content-Type": type])
      #expect(reply.status == status)
      if status != 200 { #expect(try reply.json["error"]?["message"] != nil) }
    }
  }

  @Test("refuse compressed bodies")
  func encodings() async throws {
    try await Served.with(ScriptedService("x")) { served in
      let reply = try await served.post("/tokenize", #"{"prompt":"a"}"#, ["Content-Encoding": "gzip"])
      #expect(reply.status == 415)
    }
  }

  @Test("say that too much is asked at once")
  func busy() async throws {
    let service = ScriptedService("hello")
    service.state.withLock { $0.tokensAllowed = 0 }
    try await Served.with(service, config: Self.config { $0.limits.requests = 2 }) { served in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<2 {
          group.addTask { try await served.post("/v1/completions", #"{"prompt":"a"}"#).status }
        }
        try await eventually("both run") { service.state.withLock { $0.running == 2 } }
        let reply = try await served.post(
          "/v1/chat/completions", #"{"messages":[{"role":"user","content":"a"}]}"#)
        #expect(reply.status == 429)
        #expect(reply.headers["retry-after"] == "1")
        #expect(try reply.json["error"]?["code"] == .string("rate_limit_exceeded"))
        service.state.withLock { $0.tokensAllowed = nil }
        for try await status in group { #expect(status == 200) }
      }
      #expect(try await served.post("/v1/completions", #"{"prompt":"a"}"#).status == 200)
    }
  }

  @Test("give the engine's refusals their status")
  func refusals() async throws {
    let service = ScriptedService("x")
    try await Served.with(service) { served in
      for (kind, status) in [
        (GenerationFailure.Kind.busy, 429), (.invalid, 400), (.closed, 503),
      ] {
        service.state.withLock { $0.failure = GenerationFailure(kind, parameter: "seed", "because") }
        for streams in [true, false] {
          let reply = try await served.post("/v1/completions", #"{"prompt":"a","stream":\#(streams)}"#)
          #expect(reply.status == status)
          #expect(try reply.json["error"]?["message"] == .string("because"))
        }
      }
    }
  }

  @Test("bound the time that a request takes to arrive")
  func slowloris() async throws {
    let config = Self.config {
      // Long beside what a busy machine keeps a request waiting.
      $0.timeouts.arrival = .seconds(5)
      $0.timeouts.idle = .seconds(5)
    }
    try await Served.with(ScriptedService("x"), config: config) { served in
      // Nothing, half a head, and a body that drips.
      for start in ["", "POST /tokenize HTTP/1.1\r\nHost: a\r\nX-A: b"] {
        try await Wire.with(served.port) { wire in
          if !start.isEmpty { try await wire.send(start) }
          while await wire.receive() {}
          #expect(wire.received == [])
        }
      }
      try await Wire.with(served.port) { wire in
        try await wire.send("POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        for _ in 0..<600 {
          try? await wire.send("{")
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await wire.reply().status == 408)
        while await wire.receive() {}
      }
      // A connection that rests is closed too, and one that works is not.
      try await Wire.with(served.port) { wire in
        try await wire.send(Served.request("GET", "/health", nil))
        #expect(try await wire.reply().status == 200)
        while await wire.receive() {}
      }
    }
  }

  @Test("let an answer take longer than a request may")
  func slowAnswer() async throws {
    let config = Self.config {
      $0.timeouts.arrival = .seconds(4)
      $0.timeouts.idle = .seconds(4)
    }
    let service = ScriptedService("done")
    service.state.withLock { $0.tokensAllowed = 0 }
    try await Served.with(service, config: config) { served in
      async let reply = served.post("/v1/completions", #"{"prompt":"a"}"#)
      try await Task.sleep(for: .seconds(6))
      service.state.withLock { $0.tokensAllowed = nil }
      #expect(try await reply.json["choices"]?[0]?["text"] == .string("done"))
    }
  }

  @Test("end a stream whose reader stands still")
  func stall() async throws {
    let service = ScriptedService(context: 1 << 20) { _, _ in Array(repeating: 97, count: 500_000) }
    try await Served.with(service, config: Self.config { $0.timeouts.stall = .milliseconds(200) }) { served in
      try await Wire.with(served.port) { wire in
        let body = #"{"prompt":"p","max_tokens":500000,"stream":true,"logprobs":20}"#
        try await wire.send(Served.request("POST", "/v1/completions", body))
        try await eventually("it is cancelled") { service.state.withLock { $0.cancelled == 1 } }
      }
    }
  }

  @Test("refuse heads that are too large and what is not HTTP")
  func heads() async throws {
    try await Served.with(ScriptedService("x")) { served in
      for (text, status) in [
        (
          "GET /health HTTP/1.1\r\nHost: a\r\nX-Long: " + String(repeating: "a", count: 100_000) + "\r\n\r\n",
          431
        ),
        ("GET /health HTTP/1.1\r\n" + (0..<200).map { "X-\($0): a\r\n" }.joined() + "\r\n", 431),
        ("nonsense\r\n\r\n", 400), ("GET /health HTTP/9.9\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}", 400),
      ] {
        try await Wire.with(served.port) { wire in
          try? await wire.send(text)
          let reply = try await wire.reply()
          #expect(reply.status == status, "\(text.prefix(60))")
          #expect(try reply.json["error"]?["type"] == .string("invalid_request_error"))
        }
      }
    }
  }

  @Test("make more connections than there may be wait")
  func connections() async throws {
    try await Served.with(ScriptedService("x"), config: Self.config { $0.limits.connections = 2 }) { served in
      try await Wire.with(served.port) { first in
        try await first.send(Served.request("GET", "/health", nil))
        #expect(try await first.reply().status == 200)
        let second = try await Wire.with(served.port) { second in
          try await second.send(Served.request("GET", "/health", nil))
          return try await second.reply().status
        }
        #expect(second == 200)
        #expect(try await served.get("/health").status == 200)
      }
    }
  }
}
