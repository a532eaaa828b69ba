import TestSupport
import JSON
import NIOCore
import Testing

@testable import Serving

@Suite("What clients may ask")
struct ValidationTests {
  static func completion(_ body: String) throws -> CompletionBody {
    try CompletionBody(
      try JSONParser.parse(Array(body.utf8)), limits: RequestLimits(), vocabulary: 261)
  }

  @Test(
    "is refused with the name of what is wrong",
    arguments: [
      ("[]", nil), ("{}", "prompt"), (#"{"prompt":null}"#, "prompt"), (#"{"prompt":3}"#, "prompt"),
      (#"{"prompt":[]}"#, "prompt"), (#"{"prompt":[[]]}"#, "prompt[0]"),
      (#"{"prompt":["a",1]}"#, "prompt[1]"),
      (#"{"prompt":[1,"a"]}"#, "prompt[1]"), (#"{"prompt":[261]}"#, "prompt[0]"),
      (#"{"prompt":[-1]}"#, "prompt[0]"),
      (#"{"prompt":[[1],[2,1e30]]}"#, "prompt[1][1]"), (#"{"prompt":[1.5]}"#, "prompt[0]"),
      (#"{"prompt":"a","model":3}"#, "model"), (#"{"prompt":"a","max_tokens":-1}"#, "max_tokens"),
      (#"{"prompt":"a","max_tokens":1.5}"#, "max_tokens"),
      (#"{"prompt":"a","max_tokens":"5"}"#, "max_tokens"),
      (#"{"prompt":"a","max_tokens":1e30}"#, "max_tokens"),
      (#"{"prompt":"a","temperature":-0.1}"#, "temperature"),
      (#"{"prompt":"a","temperature":true}"#, "temperature"), (#"{"prompt":"a","top_p":0}"#, "top_p"),
      (#"{"prompt":"a","top_p":1.1}"#, "top_p"), (#"{"prompt":"a","top_k":-2}"#, "top_k"),
      (#"{"prompt":"a","min_p":2}"#, "min_p"),
      (#"{"prompt":"a","repetition_penalty":0}"#, "repetition_penalty"),
      (#"{"prompt":"a","presence_penalty":3}"#, "presence_penalty"),
      (#"{"prompt":"a","frequency_penalty":-3}"#, "frequency_penalty"), (#"{"prompt":"a","n":0}"#, "n"),
      (#"{"prompt":"a","n":129}"#, "n"), (#"{"prompt":"a","best_of":2}"#, "best_of"),
      (#"{"prompt":"a","suffix":"b"}"#, "suffix"), (#"{"prompt":"a","logprobs":21}"#, "logprobs"),
      (#"{"prompt":"a","logprobs":true}"#, "logprobs"), (#"{"prompt":"a","echo":1}"#, "echo"),
      (#"{"prompt":"a","stop":1}"#, "stop"), (#"{"prompt":"a","stop":["a",1]}"#, "stop[1]"),
      (#"{"prompt":"a","logit_bias":[]}"#, "logit_bias"),
      (#"{"prompt":"a","logit_bias":{"x":1}}"#, "logit_bias"),
      (#"{"prompt":"a","logit_bias":{"261":1}}"#, "logit_bias"),
      (#"{"prompt":"a","logit_bias":{"1":101}}"#, "logit_bias"),
      (#"{"prompt":"a","logit_bias":{"1":null}}"#, "logit_bias"),
      (#"{"prompt":"a","logit_bias":{"1":"x"}}"#, "logit_bias.1"), (#"{"prompt":"a","seed":1.5}"#, "seed"),
      (#"{"prompt":"a","seed":-9223372036854775809}"#, "seed"),
      (#"{"prompt":"a","stream":"yes"}"#, "stream"),
      (#"{"prompt":"a","stream_options":3}"#, "stream_options"),
      (#"{"prompt":"a","stream_options":{"include_usage":3}}"#, "stream_options.include_usage"),
      (#"{"prompt":"a","user":3}"#, "user"), (#"{"prompt":"a","ignore_eos":3}"#, "ignore_eos"),
    ] as [(String, String?)])
  func refused(body: String, parameter: String?) {
    let error = #expect(throws: APIError.self, "\(body)") { try Self.completion(body) }
    #expect(error?.parameter == parameter)
    #expect(error?.status == .badRequest)
    #expect(error?.type == "invalid_request_error")
  }

  @Test("is refused where it is too much")
  func bounds() {
    let stops = (0..<17).map { "\"\($0)\"" }.joined(separator: ",")
    #expect(throws: APIError.self) { try Self.completion(#"{"prompt":"a","stop":[\#(stops)]}"#) }
    let long = String(repeating: "a", count: 257)
    #expect(throws: APIError.self) { try Self.completion(#"{"prompt":"a","stop":"\#(long)"}"#) }
    let many = Array(repeating: "\"a\"", count: 1025).joined(separator: ",")
    #expect(throws: APIError.self) { try Self.completion(#"{"prompt":[\#(many)]}"#) }
    let some = Array(repeating: "\"a\"", count: 1000).joined(separator: ",")
    #expect(throws: APIError.self) { try Self.completion(#"{"prompt":[\#(some)],"n":5}"#) }
  }

  @Test("has OpenAI's defaults")
  func defaults() throws {
    let body = try Self.completion(#"{"prompt":["a","b"],"stop":["","x"],"temperature":null}"#)
    #expect(body.prompts == [.text("a"), .text("b")])
    #expect(body.maximumTokens == 16)
    #expect(body.shared.sampling.temperature == 1)
    #expect(body.shared.sampling.topP == 1)
    #expect(body.shared.choices == 1)
    #expect(body.shared.stops == ["x"])
    #expect(body.alternatives == nil && !body.echoes && body.addsOpening && !body.shared.streams)
    // Without a seed, each request has its own.
    #expect(try Self.completion(#"{"prompt":"a"}"#).shared.sampling.seed != body.shared.sampling.seed)
  }

  @Test("garbled in twenty thousand ways, is either taken or refused with a sentence")
  func fuzz() throws {
    let seeds = [
      #"{"prompt":["a",[1,2]],"max_tokens":5,"stop":["x","\u00e9"],"logit_bias":{"5":-1.5e1},"n":2}"#,
      #"{"prompt":[[1,2],[3]],"logprobs":5,"echo":true,"temperature":0.7,"stream_options":{"include_usage":true}}"#,
      #"{"messages":[{"role":"user","content":[{"type":"text","text":"hi\ud83d\ude00"}]},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}],"top_logprobs":2,"logprobs":true,"tools":[{}],"response_format":{"type":"text"}}"#,
      #"{"input":["a","b"],"encoding_format":"base64"}"#, #"{"tokens":[1,2,3]}"#,
      #"{"messages":[{"role":"user","content":"x"}],"add_special_tokens":false}"#,
    ].map { Array($0.utf8) }
    var random = SplitMix(state: 11)
    var taken = 0
    for round in 0..<20_000 {
      let bytes = Self.mutated(seeds[round % seeds.count], &random)
      taken += try Self.readAll(bytes) ? 1 : 0
    }
    // Some survive, most do not.
    #expect((100..<10_000).contains(taken))
  }

  /// Whether any of the readers takes it.
  private static func readAll(_ bytes: [UInt8]) throws -> Bool {
    let limits = RequestLimits()
    let value: JSONValue
    do throws(JSONParser.Fault) {
      value = try JSONParser.parse(bytes)
    } catch {
      #expect(!error.description.isEmpty)
      return false
    }
    // What is taken here is JSON elsewhere too.
    #expect(throws: Never.self) { try JSON.decode(bytes) }
    var isTaken = false
    for read in [
      { _ = try CompletionBody(value, limits: limits, vocabulary: 261) },
      { _ = try ChatBody(value, limits: limits, vocabulary: 261) },
      { _ = try EmbeddingsBody(value, limits: limits, vocabulary: 261) },
      { _ = try TokenizeBody(value, limits: limits) }, { _ = try DetokenizeBody(value, vocabulary: 261) },
    ] {
      do {
        try read()
        isTaken = true
      } catch let error as APIError {
        #expect((400..<500).contains(error.status.code))
        var output = JSONOutput()
        output.error(error)
        #expect(
          try JSON.decode(Array(output.buffer.readableBytesView))["error"]?["message"]?.string
            == error.message)
      }
    }
    return isTaken
  }

  private static func mutated(_ seed: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: min(place, bytes.count))
      case 1: if !bytes.isEmpty { bytes.remove(at: place) }
      case 2: if !bytes.isEmpty { bytes[place] = UInt8.random(in: 0...255, using: &random) }
      case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 0...20, using: &random)))
      case 4:
        let from = Int.random(in: 0..<seed.count, using: &random)
        bytes.insert(contentsOf: seed[from..<min(seed.count, from + 15)], at: min(place, bytes.count))
      default:
        let tokens = [
          "null", "1e400", "-0", "[[[[", "{}", "\"\\ud800\"", "99999999999999999999", "true", ",", "\"\"",
        ]
        bytes.insert(
          contentsOf: (tokens.randomElement(using: &random) ?? "").utf8, at: min(place, bytes.count))
      }
    }
    return bytes
  }
}

@Suite("The OpenAPI document")
struct OpenAPITests {
  @Test("is JSON, refers to what it has, and names every route")
  func document() throws {
    for model in [nil, Served.model(ScriptedService("x"))] {
      let text = OpenAPIDocument(ServerConfig(), model).text
      let json = try JSON.decode(Array(text.utf8))
      #expect(json["paths"]?.keys.count == 12)
      for path in json["paths"]?.keys ?? [] {
        #expect(Route(path: path)?.label == path || path == "/v1/models/{model}")
      }
      var rest = text[...]
      var count = 0
      while let start = rest.range(of: ##""$ref":"#/components/"##) {
        rest = rest[start.upperBound...]
        let parts = rest.prefix { $0 != "\"" }.split(separator: "/").map { String($0) }
        #expect(json["components"]?[parts[0]]?[parts[1]] != nil, "\(parts)")
        count += 1
      }
      #expect(count > 50)
    }
  }

  @Test("knows a model's token ids by a pattern", arguments: [0, 7, 9, 10, 99, 260, 261, 1000, 50256])
  func pattern(largest: Int) throws {
    let pattern = try Regex(OpenAPIDocument.pattern(upTo: largest))
    for number in 0...(largest + 1200) {
      #expect((try pattern.wholeMatch(in: String(number)) != nil) == (number <= largest), "\(number)")
    }
    for text in ["", "01", "-1", "1.0", "a"] { #expect(try pattern.wholeMatch(in: text) == nil) }
  }
}
