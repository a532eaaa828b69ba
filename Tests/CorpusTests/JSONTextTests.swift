import Testing

@testable import Corpus

@Suite struct JSONTextTests {
  func extract(_ line: String, key: String = "text", replacing: Bool = false) throws -> String {
    let bytes = try JSONText.extract(key: key, from: Array(line.utf8), replacingLoneSurrogates: replacing)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("the text is found whatever stands beside it")
  func finds() throws {
    #expect(try extract(#"{"text":"a"}"#) == "a")
    #expect(
      try extract(#" { "id" : [1, -2.5e+3, {"text": "no"}, []], "text" : "yes" , "z": null } "#) == "yes")
    #expect(try extract(#"{"text":"first","text":"last","b":true,"c":false,"d":{}}"#) == "last")
    #expect(try extract(#"{"te\u0078t":"key escaped"}"#) == "key escaped")
    #expect(try extract(#"{"body":"a","text":1}"#, key: "body") == "a")
    #expect(try extract(#"{"text":""}"#) == "")
  }

  @Test("escapes become their characters")
  func escapes() throws {
    #expect(try extract(#"{"text":"\"\\\/\b\f\n\r\t"}"#) == "\"\\/\u{8}\u{C}\n\r\t")
    #expect(try extract(#"{"text":"\u00e9 é \uD83D\ude00 \u0000"}"#) == "é é 😀 \0")
  }

  @Test("half a surrogate pair is an error, or U+FFFD when asked", arguments: [#"\ud800"#, #"\udc00"#])
  func surrogates(half: String) throws {
    #expect(throws: JSONText.Fault.self) { try extract(#"{"text":"a\#(half)b"}"#) }
    #expect(try extract(#"{"text":"a\#(half)b"}"#, replacing: true) == "a\u{FFFD}b")
    #expect(try extract(#"{"text":"\ud800\u0041"}"#, replacing: true) == "\u{FFFD}A")
    #expect(try extract(#"{"text":"\ud800\ud83d\ude00"}"#, replacing: true) == "\u{FFFD}😀")
  }

  @Test(
    "what is not JSON is refused",
    arguments: [
      "", "[]", "\"text\"", "{", "{}", #"{"text"}"#, #"{"text":}"#, #"{"text":1}"#, #"{"text":"a""#,
      #"{"text":"a"},"#,
      #"{"text":"a"} x"#, #"{"text":"a",}"#, #"{,"text":"a"}"#, #"{text:"a"}"#, #"{"text":"\x"}"#,
      #"{"text":"\u12"}"#,
      #"{"text":"\u12g4"}"#, "{\"text\":\"a\tb\"}", #"{"text":"a","b":01}"#, #"{"text":"a","b":.5}"#,
      #"{"text":"a","b":1.}"#, #"{"text":"a","b":1e}"#, #"{"text":"a","b":-}"#, #"{"text":"a","b":+1}"#,
      #"{"text":"a","b":NaN}"#, #"{"text":"a","b":tru}"#, #"{"text":"a","b":[1,]}"#,
      #"{"text":"a","b":[1 2]}"#,
      #"{"text":'a'}"#, #"{"text":"a" "b":1}"#, #"{"texts":"a"}"#, #"{"text":null}"#,
    ])
  func refuses(line: String) {
    #expect(throws: JSONText.Fault.self) { try extract(line) }
  }

  @Test("deep nesting is refused and does not overflow the stack")
  func deep() {
    let line = #"{"a":"# + String(repeating: "[", count: 1_000_000)
    #expect(throws: JSONText.Fault.self) { try extract(line) }
  }

  @Test("an error names file, line and column")
  func places() throws {
    let scratch = try Scratch()
    let path = try scratch.write("{\"text\":\"a\"}\r\n\n{\"text\":\"b\",}\n", to: "a.jsonl")
    #expect(message { _ = try texts([path]) }?.contains("a.jsonl:3: column 13: expected a key") == true)
    let keyless = try scratch.write("{\"body\":\"a\"}", to: "b.jsonl")
    #expect(
      message { _ = try texts([keyless]) }?.contains("b.jsonl:1: column 1: the object has no key") == true)
    let invalid = try scratch.write("{\"text\":\"a\"}\n{\"text\":\"".utf8 + [0xFF], to: "c.jsonl")
    #expect(message { _ = try texts([invalid]) }?.contains("c.jsonl:2: invalid UTF-8 at byte 22") == true)
  }
}
