import FoundationEssentials
import Testing

@testable import Serving

@Suite("Routes", .timeLimit(.minutes(2)))
struct RouteTests {
  @Test("say that the model is loading until it is there")
  func loading() async throws {
    let slot = ModelSlot()
    try await Served.with(slot) { served in
      let health = try await served.get("/health")
      #expect(health.status == 503)
      #expect(try health.json == .object(["status": .string("loading")]))
      for (method, path) in [
        ("GET", "/v1/models"), ("GET", "/v1/models/tiny"), ("GET", "/tokenizer_info"), ("POST", "/tokenize"),
        ("POST", "/detokenize"), ("POST", "/v1/completions"), ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
      ] {
        let reply = try await served.ask(method, path, method == "POST" ? "{}" : nil)
        #expect(reply.status == 503, "\(path)")
        #expect(try reply.json["error"]?["message"] == .string("the model is still loading"))
        #expect(reply.headers["retry-after"] != nil)
      }
      #expect(try await served.get("/metrics").status == 200)
      slot.set(Served.model(ScriptedService("x")))
      let ready = try await served.get("/health")
      #expect(ready.status == 200)
      #expect(try ready.json == .object(["status": .string("ok")]))
      slot.fail()
      #expect(try await served.get("/health").json == .object(["status": .string("failed")]))
    }
  }

  @Test("list the model")
  func models() async throws {
    try await Served.with(ScriptedService("x")) { served in
      let model = JSON.object([
        "id": .string("tiny"), "object": .string("model"), "created": .number(1_700_000_000),
        "owned_by": .string("needletail"), "max_model_len": .number(512),
      ])
      #expect(
        try await served.get("/v1/models").json
          == .object(["object": .string("list"), "data": .array([model])]))
      #expect(try await served.get("/v1/models/tiny").json == model)
      #expect(try await served.get("/v1/models/t%69ny?x=1").json == model)
      let other = try await served.get("/v1/models/org/other")
      #expect(other.status == 404)
      #expect(try other.json["error"]?["code"] == .string("model_not_found"))
      let named = try await served.post("/v1/completions", #"{"model":"gpt","prompt":"a"}"#)
      #expect(named.status == 404)
      #expect(try named.json["error"]?["param"] == .string("model"))
    }
  }

  @Test("tokenize as lm_eval's remote tokenizer asks")
  func tokens() async throws {
    try await Served.with(ScriptedService("x"), tokenizer: ByteTokenizer(opensTexts: true)) { served in
      let info = try await served.get("/tokenizer_info").json
      #expect(info["eos_token"] == .string("<|end|>"))
      #expect(info["bos_token"] == .string("<s>"))
      #expect(info["pad_token"] == .null)
      #expect(info["chat_template"] == .string("{{ messages }}"))
      // The end's id is asked for like this.
      let end = try await served.post("/tokenize", #"{"prompt": "<|end|>", "add_special_tokens": false}"#)
        .json
      #expect(
        end
          == .object(["tokens": .array([.number(257)]), "count": .number(1), "max_model_len": .number(512)]))
      let opened = try await served.post("/tokenize", #"{"content":"é"}"#).json
      #expect(opened["tokens"]?.array?.map(\.int) == [256, 195, 169])
      let chat = try await served.post(
        "/tokenize", #"{"messages":[{"role":"user","content":"a<s>"}],"add_generation_prompt":false}"#
      ).json
      #expect(chat["tokens"]?.array?.map(\.int) == [256, 258, 97, 60, 115, 62, 257])
      let text = try await served.post("/detokenize", #"{"tokens":[195,169,257]}"#).json
      #expect(text == .object(["prompt": .string("é<|end|>")]))
      #expect(
        try await served.post("/detokenize", #"{"tokens":[]}"#).json == .object(["prompt": .string("")]))
      #expect(try await served.post("/detokenize", #"{"tokens":[261]}"#).status == 400)
      #expect(try await served.post("/tokenize", "{}").status == 400)
    }
  }

  @Test("embed texts and ids, as numbers and as bytes")
  func embeddings() async throws {
    try await Served.with(ScriptedService("x")) { served in
      let reply = try await served.post("/v1/embeddings", #"{"input":["ab","<s>"],"model":"tiny"}"#).json
      #expect(reply["object"] == .string("list"))
      #expect(reply["usage"] == .object(["prompt_tokens": .number(5), "total_tokens": .number(5)]))
      #expect(reply["data"]?[0]?["object"] == .string("embedding"))
      #expect(reply["data"]?[0]?["embedding"]?.array?.map(\.number) == [2, 195, 0.1, -1])
      // Special tokens in texts are spelled.
      #expect(reply["data"]?[1]?["embedding"]?[0]?.number == 3)
      #expect(reply["data"]?[1]?["index"]?.int == 1)
      for input in [#""ab""#, "[97,98]", "[[97,98]]"] {
        let one = try await served.post("/v1/embeddings", #"{"input":\#(input),"encoding_format":"base64"}"#)
          .json
        let text = try #require(one["data"]?[0]?["embedding"]?.string)
        let bytes = Array(try #require(Data(base64Encoded: text)))
        let values = stride(from: 0, to: bytes.count, by: 4).map { start in
          Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
        }
        #expect(values == [2, 195, 0.1, -1])
      }
      for body in [
        #"{"input":""}"#, #"{"input":[]}"#, #"{"input":"a","dimensions":3}"#,
        #"{"input":"a","encoding_format":"x"}"#,
      ] {
        #expect(try await served.post("/v1/embeddings", body).status == 400, "\(body)")
      }
    }
  }

  @Test("that do not exist are 404, wrong methods 405 with the right ones")
  func unknown() async throws {
    try await Served.with(ScriptedService("x")) { served in
      for path in [
        "/v1", "/v1/completion", "/V1/models", "/v1/completions/", "/..%2f..%2fetc/passwd", "/%zz",
      ] {
        let reply = try await served.get(path)
        #expect(reply.status == 404, "\(path)")
        #expect(try reply.json["error"]?["type"] == .string("invalid_request_error"))
      }
      for (method, path, allowed) in [
        ("GET", "/v1/completions", "POST, OPTIONS"), ("DELETE", "/v1/models", "GET, HEAD, OPTIONS"),
        ("PUT", "/tokenize", "POST, OPTIONS"), ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
      ] {
        let reply = try await served.ask(method, path)
        #expect(reply.status == 405, "\(method) \(path)")
        #expect(reply.headers["allow"] == allowed)
        #expect(try reply.json["error"]?["message"]?.string?.contains(method) == true)
      }
    }
  }

  @Test("answer HEAD without a body and OPTIONS with what is allowed")
  func headAndOptions() async throws {
    try await Served.with(ScriptedService("x")) { served in
      let get = try await served.get("/v1/models")
      let head = try await served.ask("HEAD", "/v1/models")
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == String(get.body.count))
      #expect(try await served.ask("HEAD", "/nothing").status == 404)
      let options = try await served.ask("OPTIONS", "/v1/completions")
      #expect(options.status == 204)
      #expect(options.headers["allow"] == "POST, OPTIONS")
      #expect(options.headers["access-control-allow-origin"] == nil)
    }
  }

  @Test("have a page that may run its own script only")
  func page() async throws {
    try await Served.with(ScriptedService("x")) { served in
      let reply = try await served.get("/")
      #expect(reply.status == 200)
      #expect(reply.headers["content-type"] == "text/html; charset=utf-8")
      let policy = try #require(reply.headers["content-security-policy"])
      #expect(policy.contains("default-src 'none'"))
      let scripts = policy.split(separator: ";").first { $0.contains("script-src") }
      #expect(scripts?.contains("unsafe") == false)
      #expect(reply.headers["x-content-type-options"] == "nosniff")
    }
    #expect(PagePolicy.scripts(of: "<p><script>a</script>b<script>c</script>") == ["a", "c"])
  }

  @Test("keep a connection for more than one request")
  func keepAlive() async throws {
    try await Served.with(ScriptedService("hello")) { served in
      try await Wire.with(served.port) { wire in
        for _ in 0..<3 {
          try await wire.send(Served.request("POST", "/v1/completions", #"{"prompt":"a"}"#))
          #expect(try await wire.reply().json["choices"]?[0]?["text"] == .string("hello"))
          try await wire.send(Served.request("POST", "/v1/completions", #"{"prompt":"a","stream":true}"#))
          #expect(try await wire.reply().events.last == "[DONE]")
          try await wire.send(Served.request("POST", "/v1/completions", #"{"prompt":}"#))
          #expect(try await wire.reply().status == 400)
        }
      }
    }
  }

  @Test("tell Prometheus how they are doing")
  func metrics() async throws {
    try await Served.with(ScriptedService("hello")) { served in
      _ = try await served.post("/v1/completions", #"{"prompt":"a"}"#)
      _ = try await served.post("/v1/completions", "x")
      _ = try await served.get("/whatever\"}")
      let reply = try await served.get("/metrics")
      #expect(reply.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
      let lines = reply.text.split(separator: "\n")
      for line in [
        #"needletail_http_requests_total{route="/v1/completions",status="200"} 1"#,
        #"needletail_http_requests_total{route="/v1/completions",status="400"} 1"#,
        #"needletail_http_requests_total{route="none",status="404"} 1"#,
        "needletail_time_to_first_token_seconds_count 1", "needletail_time_per_token_seconds_count 1",
        #"needletail_request_seconds_bucket{le="+Inf"} 1"#, "needletail_kv_pages 77",
        "needletail_requests_active 0",
      ] {
        #expect(lines.contains { $0 == line }, "\(line)")
      }
      // Every line is a comment or a name with a number.
      for line in lines where !line.hasPrefix("# HELP ") && !line.hasPrefix("# TYPE ") {
        let value = line.split(separator: " ").last.flatMap { Double($0) }
        #expect(value != nil && line.hasPrefix("needletail_"), "\(line)")
      }
    }
  }
}

@Suite("Histograms")
struct HistogramTests {
  @Test("count what is at most each bound, cumulatively")
  func buckets() {
    var histogram = Histogram("h", "Help.", bounds: [0.1, 1])
    for seconds in [0.05, 0.1, 0.5, 2] { histogram.add(.seconds(seconds)) }
    var text = ""
    histogram.write(to: &text)
    #expect(
      text == """
        # HELP h Help.
        # TYPE h histogram
        h_bucket{le="0.1"} 2
        h_bucket{le="1.0"} 3
        h_bucket{le="+Inf"} 4
        h_sum 2.65
        h_count 4

        """)
  }
}
