import Foundation
import Testing

@testable import Templates

@Suite("JSON as templates' values")
struct JSONTests {
  private static func read(_ text: String) throws -> TemplateValue {
    try TemplateValue(json: Array(text.utf8), source: "test.json")
  }

  @Test("keys keep their order, numbers their kind, strings their characters")
  func values() throws {
    let text =
      #" {"b": [1, -2.5, 1e3, 0, true, null], "a": {"é\u00e9\ud83d\ude00\n\/": ""}, "b2": [], "c": {}} "#
    #expect(
      try Self.read(text)
        == [
          "b": [1, -2.5, 1000.0, 0, true, .none], "a": ["éé😀\n/": ""], "b2": [], "c": [:],
        ])
    // What transformers writes where a tokenizer knows no limit.
    #expect(try Self.read("1000000000000000019884624838656") == 1e30)
    let back = try Template("{{ value | tojson }}").render(["value": try Self.read(text)])
    #expect(back == #"{"b": [1, -2.5, 1000.0, 0, true, null], "a": {"éé😀\n/": ""}, "b2": [], "c": {}}"#)
    #expect(try Self.read(#""\ud83d x \ud83d\u0041""#) == "\u{FFFD} x \u{FFFD}A")
    #expect(
      try Template("{{ v }}").render(["v": try Self.read(#"{"a": 1, "b": 2, "a": 3}"#)]) == "{'a': 3, 'b': 2}"
    )
  }

  @Test("deep nesting is refused, and cut files at every byte")
  func damage() throws {
    #expect(throws: TemplateFailure.self) { try Self.read(String(repeating: "[", count: 100_000)) }
    let bytes = Array(#"{"a": [1.5e3, "\ud83d\ude00\n", {"b": null}], "c": false}"#.utf8)
    #expect(throws: Never.self) { try TemplateValue(json: bytes, source: "whole") }
    for count in 0..<bytes.count {
      #expect(throws: TemplateFailure.self) { try TemplateValue(json: Array(bytes[..<count]), source: "cut") }
    }
  }
}
