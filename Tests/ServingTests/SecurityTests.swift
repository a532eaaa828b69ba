import Testing

@testable import Serving

@Suite("Keys and origins", .timeLimit(.minutes(2)))
struct SecurityTests {
  @Test("a key's hash is SHA-256's, in hexadecimal")
  func hashes() {
    #expect(APIKeys.hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(APIKeys.hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test("a file of keys has a hash a line, comments and nothing else")
  func file() throws {
    let text = "# keys\n\n\(APIKeys.hash("one"))  # of somebody\r\n  \(APIKeys.hash("two").uppercased())"
    let keys = try APIKeys(text: text, source: "keys")
    #expect(keys.accept("one") && keys.accept("two"))
    #expect(!keys.accept("three") && !keys.accept("") && !keys.accept(APIKeys.hash("one")))
    for (text, part) in [("secret", "keys:1:"), ("\nabcd", "keys:2:"), ("# none", "has no key")] {
      let failure = #expect(throws: APIKeys.Failure.self) { try APIKeys(text: text, source: "keys") }
      #expect(failure?.description.contains(part) == true)
    }
  }

  @Test("whoever has no key is told so, without a word of the keys")
  func unauthorized() async throws {
    var config = ServerConfig()
    config.keys = try APIKeys(
      text: APIKeys.hash("secret-1") + "\n" + APIKeys.hash("secret-2"), source: "keys")
    try await Served.with(ScriptedService("x"), config: config) { served in
      for header in [
        nil, "", "Bearer", "Bearer ", "Bearer wrong", "Basic secret-1", "secret-1", "Bearer secret-1 ",
      ] {
        for (method, path) in [
          ("GET", "/v1/models"), ("POST", "/v1/completions"), ("GET", "/metrics"), ("GET", "/openapi.json"),
        ] {
          let reply = try await served.ask(
            method, path, method == "POST" ? #"{"prompt":"a"}"# : nil,
            header.map { ["Authorization": $0] } ?? [:])
          // A header's value ends before white space.
          #expect(reply.status == (header == "Bearer secret-1 " ? 200 : 401), "\(header ?? "none") \(path)")
          guard reply.status == 401 else { continue }
          #expect(reply.headers["www-authenticate"] == "Bearer")
          #expect(try reply.json["error"]?["code"] == .string("invalid_api_key"))
          #expect(!reply.text.contains("secret"))
        }
      }
      for key in ["Bearer secret-1", "bearer secret-2"] {
        #expect(try await served.get("/v1/models", ["Authorization": key]).status == 200)
      }
      #expect(try await served.get("/health").status == 200)
      #expect(try await served.get("/").status == 200)
      #expect(try await served.get("/nothing").status == 404)
    }
  }

  @Test("pages of other origins may use the API only where they are named")
  func origins() async throws {
    var config = ServerConfig()
    config.corsOrigins = ["https://a.example"]
    try await Served.with(ScriptedService("x"), config: config) { served in
      let preflight = try await served.ask(
        "OPTIONS", "/v1/completions", nil,
        ["Origin": "https://a.example", "Access-Control-Request-Method": "POST"])
      #expect(preflight.status == 204)
      #expect(preflight.headers["access-control-allow-origin"] == "https://a.example")
      #expect(preflight.headers["access-control-allow-headers"] == "Authorization, Content-Type")
      #expect(preflight.headers["access-control-allow-methods"]?.contains("POST") == true)
      #expect(preflight.headers["vary"] == "Origin")
      let wrong = try await served.post("/v1/completions", "{}", ["Origin": "https://a.example"])
      #expect(wrong.headers["access-control-allow-origin"] == "https://a.example")
      for origin in ["https://b.example", "https://a.example.b", "null"] {
        let reply = try await served.get("/v1/models", ["Origin": origin])
        #expect(reply.headers["access-control-allow-origin"] == nil)
      }
    }
    try await Served.with(ScriptedService("x")) { served in
      let reply = try await served.get("/v1/models", ["Origin": "https://a.example"])
      #expect(reply.headers["access-control-allow-origin"] == nil)
    }
  }
}
