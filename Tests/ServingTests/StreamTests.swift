import Generation
import NIOCore
import Testing

@testable import Serving

@Suite("Streams", .timeLimit(.minutes(2)))
struct StreamTests {
  @Test(
    "say together what the whole answer says",
    arguments: ["", #","logprobs":3"#, #","logprobs":1,"echo":true"#])
  func equal(more: String) async throws {
    let service = ScriptedService { request, choice in
      "tëxt \(request.prompt.count) of \(choice)... 東京😀 and more".utf8.map { Int32($0) } + [ByteTokenizer.end]
    }
    try await Served.with(service) { served in
      let body = #""prompt":["one","three"],"n":2,"max_tokens":29,"stop":["...x","no"]\#(more)"#
      let whole = try await served.post("/v1/completions", "{\(body)}").json
      let reply = try await served.post(
        "/v1/completions", #"{\#(body),"stream":true,"stream_options":{"include_usage":true}}"#)
      #expect(reply.headers["content-type"] == "text/event-stream; charset=utf-8")
      #expect(reply.headers["cache-control"] == "no-cache")
      var chunks = try reply.chunks
      let last = chunks.removeLast()
      #expect(last["usage"] == whole["usage"])
      #expect(last["choices"] == .array([]))
      #expect(Set(chunks.map { $0["id"]?.string }).count == 1)
      #expect(chunks.allSatisfy { $0["usage"] == .null && $0["object"] == .string("text_completion") })
      for choice in try #require(whole["choices"]?.array) {
        let own = chunks.compactMap { $0["choices"]?[0] }.filter { $0["index"] == choice["index"] }
        #expect(own.compactMap { $0["text"]?.string }.joined() == choice["text"]?.string)
        #expect(own.last?["finish_reason"] == choice["finish_reason"])
        #expect(own.dropLast().allSatisfy { $0["finish_reason"] == .null })
        for key in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
          let parts = own.flatMap { $0["logprobs"]?[key]?.array ?? [] }
          #expect(parts == choice["logprobs"]?[key]?.array ?? [])
        }
      }
    }
  }

  @Test("of chats begin with the role, and their texts together are the answer")
  func chat() async throws {
    try await Served.with(ScriptedService("an answer")) { served in
      let body = #""messages":[{"role":"user","content":"q"}],"n":2"#
      let reply = try await served.post("/v1/chat/completions", #"{\#(body),"stream":true}"#)
      let chunks = try reply.chunks
      for index in 0..<2 {
        let own = chunks.compactMap { $0["choices"]?[0] }.filter { $0["index"]?.int == index }
        #expect(own.first?["delta"] == .object(["role": .string("assistant"), "content": .string("")]))
        #expect(own.compactMap { $0["delta"]?["content"]?.string }.joined() == "an answer")
        #expect(own.last?["finish_reason"] == .string("stop"))
      }
      #expect(
        chunks.allSatisfy { $0["object"] == .string("chat.completion.chunk") && !$0.keys.contains("usage") })
    }
  }

  @Test("arrive while the model still writes")
  func early() async throws {
    let service = ScriptedService("abc")
    service.state.withLock { $0.tokensAllowed = 1 }
    try await Served.with(service) { served in
      try await Wire.with(served.port) { wire in
        try await wire.send(Served.request("POST", "/v1/completions", #"{"prompt":"q","stream":true}"#))
        while !String(decoding: wire.received, as: UTF8.self).contains(#""text":"a""#) {
          guard await wire.receive() else { throw WireError.closed }
        }
        #expect(!String(decoding: wire.received, as: UTF8.self).contains(#""text":"b""#))
        service.state.withLock { $0.tokensAllowed = nil }
        #expect(try await wire.reply().events.last == "[DONE]")
      }
    }
  }

  @Test("end with the client that goes", arguments: [true, false])
  func disconnect(streams: Bool) async throws {
    let service = ScriptedService { _, _ in Array(repeating: 97, count: 400) }
    service.state.withLock { $0.tokensAllowed = 2 }
    try await Served.with(service) { served in
      try await Wire.with(served.port) { wire in
        try await wire.send(
          Served.request(
            "POST", "/v1/completions", #"{"prompt":["p","q"],"max_tokens":400,"stream":\#(streams)}"#))
        try await eventually("the requests run") { service.state.withLock { $0.running == 2 } }
      }
      try await eventually("they are cancelled") { service.state.withLock { $0.cancelled == 2 } }
      try await eventually("they end") { service.state.withLock { $0.running == 0 } }
      if !streams {
        // The figures tell that nobody waited for it, once it is counted.
        let line = #"{route="/v1/completions",status="499"} 1"#
        while try await !served.get("/metrics").text.contains(line) {}
      }
      // The place that they took is free again.
      service.state.withLock { $0.tokensAllowed = nil }
      #expect(try await served.post("/v1/completions", #"{"prompt":"p"}"#).status == 200)
    }
  }

  @Test("pause the engine for a reader that takes nothing")
  func backPressure() async throws {
    let service = ScriptedService(context: 1 << 20) { _, _ in Array(repeating: 97, count: 200_000) }
    try await Served.with(service) { served in
      try await Wire.with(served.port) { wire in
        let body = #"{"prompt":"p","max_tokens":200000,"stream":true,"logprobs":20}"#
        try await wire.send(Served.request("POST", "/v1/completions", body))
        // The client's and the kernel's buffers take some megabytes, then nobody reads.
        try await eventually("the engine is told") { service.state.withLock { $0.largestBacklog > 0 } }
        var written = -1
        while service.state.withLock({ $0.written }) != written {
          written = service.state.withLock { $0.written }
          try await Task.sleep(for: .milliseconds(300))
        }
        #expect(written < 200_000)
        // Who reads again gets more.
        while service.state.withLock({ $0.written }) == written {
          guard await wire.receive() else { throw WireError.closed }
        }
      }
    }
  }
}
