import Generation
import Testing

@testable import Serving

@Suite("Completions", .timeLimit(.minutes(2)))
struct CompletionTests {
  @Test("have OpenAI's shape")
  func shape() async throws {
    try await Served.with(ScriptedService("hello")) { served in
      let reply = try await served.post(
        "/v1/completions", #"{"model":"tiny","prompt":"say","max_tokens":100}"#)
      #expect(reply.status == 200)
      #expect(reply.headers["content-type"] == "application/json")
      #expect(reply.headers["x-content-type-options"] == "nosniff")
      let json = try reply.json
      #expect(json["id"]?.string?.hasPrefix("cmpl-") == true)
      #expect(json["object"] == .string("text_completion"))
      #expect(json["model"] == .string("tiny"))
      #expect(json["created"]?.int ?? 0 > 1_700_000_000)
      #expect(
        json["usage"]
          == .object([
            "prompt_tokens": .number(3), "completion_tokens": .number(5), "total_tokens": .number(8),
            "prompt_tokens_details": .object(["cached_tokens": .number(1)]),
          ]))
      #expect(
        json["choices"]
          == .array([
            .object([
              "index": .number(0), "text": .string("hello"), "logprobs": .null,
              "finish_reason": .string("stop"),
            ])
          ]))
    }
  }

  @Test("number their choices prompt by prompt")
  func order() async throws {
    let service = ScriptedService { request, choice in
      "\(request.prompt.count)/\(choice);".utf8.map { Int32($0) } + [ByteTokenizer.end]
    }
    try await Served.with(service) { served in
      for prompts in [#"["a","bb","ccc"]"#, "[[97],[98,98],[99,99,99]]"] {
        let reply = try await served.post("/v1/completions", #"{"prompt":\#(prompts),"n":2,"seed":-5}"#)
        let choices = try #require(try reply.json["choices"]?.array)
        #expect(choices.map { $0["index"]?.int } == [0, 1, 2, 3, 4, 5])
        #expect(choices.map { $0["text"]?.string } == ["1/0;", "1/1;", "2/0;", "2/1;", "3/0;", "3/1;"])
      }
      let requests = service.state.withLock { $0.submitted }
      #expect(
        requests.map(\.prompt) + [] == [[97], [98, 98], [99, 99, 99], [97], [98, 98], [99, 99, 99]])
      // A prompt's result does not depend on the batch it came in.
      #expect(requests.allSatisfy { $0.sampling.seed == UInt64(bitPattern: -5) })
    }
  }

  @Test("pass their parameters to the engine")
  func parameters() async throws {
    let service = ScriptedService("x")
    try await Served.with(service) { served in
      let reply = try await served.post(
        "/v1/completions",
        """
        {"prompt":[97],"max_tokens":7,"temperature":0.5,"top_p":0.9,"top_k":4,"min_p":0.1,"repetition_penalty":1.5,
        "presence_penalty":-1,"frequency_penalty":1.25,"logit_bias":{"5":-100,"260":2.5},"seed":9,"n":3,
        "logprobs":2,"user":"somebody","unknown":{"is":"ignored"},"best_of":3,"suffix":"","stop":null}
        """)
      #expect(reply.status == 200)
      let request = try #require(service.state.withLock { $0.submitted.first })
      var sampling = SamplingOptions()
      sampling.temperature = 0.5
      sampling.topP = 0.9
      sampling.topK = 4
      sampling.minP = 0.1
      sampling.repetitionPenalty = 1.5
      sampling.presencePenalty = -1
      sampling.frequencyPenalty = 1.25
      sampling.logitBias = [5: -100, 260: 2.5]
      sampling.seed = 9
      #expect(request.sampling == sampling)
      #expect(request.choices == 3)
      #expect(request.maximumTokens == 7)
      #expect(request.stops == [ByteTokenizer.end])
      #expect(request.alternatives == 2)
      #expect(request.promptAlternatives == nil)
    }
  }

  @Test("have 16 tokens unless more are asked for, and no more than the context has room for")
  func lengths() async throws {
    let service = ScriptedService(String(repeating: "y", count: 300), context: 100)
    try await Served.with(service) { served in
      let short = try await served.post("/v1/completions", #"{"prompt":"a"}"#)
      #expect(try short.json["choices"]?[0]?["text"]?.string?.count == 16)
      #expect(try short.json["choices"]?[0]?["finish_reason"] == .string("length"))
      let long = try await served.post("/v1/completions", #"{"prompt":"a","max_tokens":1000}"#)
      #expect(try long.json["usage"]?["total_tokens"]?.int == 100)
      let full = String(repeating: "a", count: 100)
      let none = try await served.post("/v1/completions", #"{"prompt":"\#(full)"}"#)
      #expect(none.status == 400)
      #expect(try none.json["error"]?["code"] == .string("context_length_exceeded"))
      let scored = try await served.post(
        "/v1/completions", #"{"prompt":"\#(full)","max_tokens":0,"echo":true,"logprobs":0}"#)
      #expect(scored.status == 200)
    }
  }

  @Test("put the tokenizer's opening before text, never before ids, and read special tokens in text")
  func opening() async throws {
    let service = ScriptedService("x")
    try await Served.with(service, tokenizer: ByteTokenizer(opensTexts: true)) { served in
      _ = try await served.post("/v1/completions", #"{"prompt":"a<|end|>"}"#)
      _ = try await served.post("/v1/completions", #"{"prompt":"a","add_special_tokens":false}"#)
      _ = try await served.post("/v1/completions", #"{"prompt":[97]}"#)
      #expect(service.state.withLock { $0.submitted.map(\.prompt) } == [[256, 97, 257], [97], [97]])
    }
  }

  @Test("end at stop strings, whose tokens are not given out", arguments: [false, true])
  func stops(streams: Bool) async throws {
    let service = ScriptedService("one two. three. four")
    try await Served.with(service) { served in
      let reply = try await served.post(
        "/v1/completions",
        #"{"prompt":"a","max_tokens":50,"stop":["zzz",". th"],"logprobs":0,"stream":\#(streams)}"#)
      let choices =
        streams
        ? try reply.chunks.compactMap { $0["choices"]?[0] }
        : [try reply.json["choices"]?[0]].compactMap(\.self)
      #expect(choices.compactMap { $0["text"]?.string }.joined() == "one two")
      #expect(choices.last?["finish_reason"] == .string("stop"))
      let tokens = choices.flatMap { $0["logprobs"]?["tokens"]?.array ?? [] }
      #expect(tokens.compactMap(\.string).joined() == "one two")
    }
  }

  @Test("cancel a choice that met a stop string, and no other")
  func stopCancels() async throws {
    let service = ScriptedService { _, choice in
      (choice == 0 ? "a.bbbbbbbbbbbbbbbb" : "cccccccccccccccccc").utf8.map { Int32($0) }
    }
    try await Served.with(service) { served in
      let reply = try await served.post(
        "/v1/completions", #"{"prompt":"a","max_tokens":18,"stop":".","n":2}"#)
      let choices = try #require(try reply.json["choices"]?.array)
      #expect(choices.map { $0["text"]?.string } == ["a", "cccccccccccccccccc"])
      #expect(choices.map { $0["finish_reason"]?.string } == ["stop", "length"])
    }
  }

  @Test("hide special tokens unless they are asked for")
  func specials() async throws {
    let service = ScriptedService { _, _ in [97, ByteTokenizer.user, 98, ByteTokenizer.end] }
    try await Served.with(service) { served in
      for (more, expected) in [
        ("", "ab"), (#","skip_special_tokens":false"#, "a<|user|>b"),
        (#","skip_special_tokens":false,"ignore_eos":true"#, "a<|user|>b<|end|>"),
      ] {
        let reply = try await served.post("/v1/completions", #"{"prompt":"a"\#(more)}"#)
        #expect(try reply.json["choices"]?[0]?["text"] == .string(expected))
      }
    }
  }
}
