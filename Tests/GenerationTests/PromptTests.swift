import FoundationEssentials
import Generation
import Testing

@Suite struct PromptTests {
  private func line(_ json: String) throws -> PromptLine {
    var defaults = PromptLine.Defaults()
    defaults.sampling.seed = 9
    return try PromptLine(Array(json.utf8), defaults: defaults, source: "here")
  }

  @Test("a line's own settings stand over the defaults, and what it does not say stays")
  func settings() throws {
    let own = try line(
      #"{"prompt": "a", "temperature": 0, "max_tokens": 3, "stop": "x", "n": 2, "other": [1]}"#)
    #expect(own.sampling.temperature == 0 && own.sampling.seed == 9)
    #expect(own.maximumTokens == 3 && own.stops == ["x"] && own.choices == 2)
    guard case .ids([1, 2]) = try line(#"{"prompt": [1, 2]}"#).content else {
      Issue.record("expected token ids")
      return
    }
  }

  @Test(
    "what is not a prompt is refused with its place",
    arguments: [
      "[]", "{}", #"{"prompt": 1}"#, #"{"prompt": [1.5]}"#, #"{"prompt": "a", "messages": []}"#,
      #"{"messages": [{}]}"#, #"{"prompt": "a", "n": 0}"#, #"{"prompt": "a", "n": -1}"#,
      #"{"prompt": "a", "max_tokens": -1}"#, #"{"prompt": "a", "temperature": "hot"}"#,
      #"{"prompt": "a", "seed": "x"}"#, #"{"prompt": "a", "completions": []}"#, #"{"prompt": "a""#,
    ])
  func refusals(json: String) {
    #expect { try line(json) } throws: { "\($0)".hasPrefix("here") }
  }

  @Test("an output goes on from what is whole of its parts, and from no other run's")
  func partial() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "partial-\(UInt64.random(in: 0...UInt64.max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appendingPathComponent("out.jsonl").path
    let inputs = ["zero", "one", "two"].map { Array($0.utf8)[...] }
    let path = PartialOutput.path(of: output, writer: 0)
    do {
      let part = try PartialOutput(output, writer: 0, settings: "s")
      try part.add(2, of: Array(inputs[2]), Array("{\"a\": \"b c\"}".utf8))
      try part.add(0, of: Array(inputs[0]), Array("{}".utf8))
    }
    func lines(_ settings: String = "s", _ inputs: [ArraySlice<UInt8>]) throws -> [Int: [UInt8]] {
      try PartialOutput.lines(of: output, parts: [path], settings: settings, inputs: inputs)
    }
    #expect(try lines("s", inputs) == [2: Array("{\"a\": \"b c\"}".utf8), 0: Array("{}".utf8)])
    // A line cut off anywhere counts for nothing, and the next stands on a line of its own.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for count in 0..<bytes.count {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
      #expect(try lines("s", inputs).count <= 2)
      try PartialOutput(output, writer: 0, settings: "s").add(1, of: Array(inputs[1]), [0x31])
      #expect(try lines("s", inputs)[1] == [0x31])
    }
    #expect(throws: PartialOutput.Failure.self) { try lines("other", inputs) }
    #expect(throws: PartialOutput.Failure.self) { try lines("s", [inputs[1], inputs[0], inputs[2]]) }
  }
}
