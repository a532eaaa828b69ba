import Generation
import Testing

@testable import Serving

@Suite("Log-probabilities", .timeLimit(.minutes(2)))
struct ScoreTests {
  /// What lm_eval asks.
  static func scores(_ served: Served, _ more: String) async throws -> JSON {
    let reply = try await served.post("/v1/completions", "{\(more)}")
    #expect(reply.status == 200, "\(reply.text)")
    return try #require(try reply.json["choices"]?[0])
  }

  @Test("of a prompt: none for its first token, then each one's own, then those of what was written")
  func echo() async throws {
    let service = ScriptedService { _, _ in [ByteTokenizer.end] }
    try await Served.with(service) { served in
      let choice = try await Self.scores(
        served, #""prompt":[104,195,169,255],"max_tokens":1,"logprobs":1,"echo":true,"temperature":0"#)
      let scores = try #require(choice["logprobs"])
      // The written token is the end of the text, and is scored all the same.
      #expect(
        scores["tokens"]
          == .array([
            .string("h"), .string("bytes:\\xc3"), .string("bytes:\\xa9"), .string("bytes:\\xff"),
            .string("<|end|>"),
          ]))
      let expected = [195, 169, 255, ByteTokenizer.end].enumerated().map {
        ScriptedService.logProbability($1, at: $0 + 1)
      }
      #expect(scores["token_logprobs"]?.array?.map(\.number) == [nil] + expected)
      #expect(scores["token_logprobs"]?[0] == .null)
      #expect(scores["top_logprobs"]?[0] == .null)
      #expect(scores["top_logprobs"]?.array?.count == 5)
      #expect(scores["text_offset"]?.array?.map(\.int) == [0, 1, 1, 2, 3])
      #expect(choice["text"] == .string("hé\u{FFFD}"))
      #expect(choice["finish_reason"] == .string("stop"))
      #expect(service.state.withLock { $0.submitted[0].stops } == [])
    }
  }

  @Test("of one token are the same double in both places, and of the likeliest are in order")
  func sameDouble() async throws {
    let service = ScriptedService("written")
    try await Served.with(service) { served in
      for count in [0, 1, 5, 20] {
        let choice = try await Self.scores(
          served, #""prompt":"prompt","max_tokens":5,"logprobs":\#(count),"echo":true"#)
        let scores = try #require(choice["logprobs"])
        let tokens = try #require(scores["tokens"]?.array)
        #expect(tokens.count == 11)
        for index in tokens.indices.dropFirst() {
          let token = try #require(tokens[index].string)
          let top = try #require(scores["top_logprobs"]?[index])
          #expect(top[token]?.number == scores["token_logprobs"]?[index]?.number)
          #expect((max(count, 1)...count + 1).contains(top.keys.count))
        }
        #expect(choice["text"] == .string("promptwritt"))
        #expect(scores["text_offset"]?.array?.map(\.int) == Array(0..<11))
      }
    }
  }

  @Test("of a prompt are given without writing anything")
  func onlyPrompt() async throws {
    try await Served.with(ScriptedService("never")) { served in
      let choice = try await Self.scores(
        served, #""prompt":"abc","max_tokens":0,"logprobs":1,"echo":true,"n":2"#)
      #expect(choice["text"] == .string("abc"))
      #expect(choice["logprobs"]?["tokens"]?.array?.count == 3)
      #expect(choice["finish_reason"] == .string("length"))
    }
  }

  @Test("name the opening, which is no part of the text")
  func opening() async throws {
    try await Served.with(ScriptedService("cd"), tokenizer: ByteTokenizer(opensTexts: true)) { served in
      let choice = try await Self.scores(served, #""prompt":"ab","max_tokens":2,"logprobs":0,"echo":true"#)
      #expect(choice["text"] == .string("abcd"))
      #expect(choice["logprobs"]?["tokens"]?.array?.map(\.string) == ["<s>", "a", "b", "c", "d"])
      #expect(choice["logprobs"]?["text_offset"]?.array?.map(\.int) == [0, 0, 1, 2, 3])
    }
  }

  @Test("of two tokens with one text the likelier stands for both")
  func equalNames() {
    var output = JSONOutput()
    let format = CompletionFormat(
      header: AnswerHeader(
        "cmpl-",
        Job(
          Served.model(ScriptedService("")), shared, prompts: [], maximumTokens: 1), created: 0),
      hasScores: true)
    // Both ids name nothing, and so have the empty text.
    let score = TokenScore(
      id: 9000, logProbability: -2, alternatives: [.init(id: 9001, logProbability: -1)])
    var delta = ChoiceProgress.Delta()
    delta.scores = [ChoiceProgress.Placed(score: score, offset: 0)]
    format.chunk(delta, 0, to: &output)
    #expect(String(buffer: output.buffer).contains(#""top_logprobs":[{"":-1.0}]"#))
  }

  private var shared: SamplingFields {
    get {
      do {
        return try SamplingFields(JSONFields(.object([])), limits: RequestLimits(), vocabulary: 10)
      } catch {
        preconditionFailure("\(error)")
      }
    }
  }

  @Test("of chats have their bytes and their alternatives")
  func chat() async throws {
    try await Served.with(ScriptedService("é")) { served in
      let reply = try await served.post(
        "/v1/chat/completions",
        #"{"messages":[{"role":"user","content":"x"}],"logprobs":true,"top_logprobs":2}"#)
      let content = try #require(try reply.json["choices"]?[0]?["logprobs"]?["content"]?.array)
      #expect(content.map { $0["token"]?.string } == ["bytes:\\xc3", "bytes:\\xa9"])
      #expect(content.map { $0["bytes"] } == [.array([.number(0xC3)]), .array([.number(0xA9)])])
      for token in content {
        #expect(token["logprob"]?.number != nil)
        #expect(token["top_logprobs"]?.array?.count == 2)
        #expect(token["top_logprobs"]?[0]?.keys == ["token", "logprob", "bytes"])
      }
    }
  }
}
