import TestSupport
import JSON
import Testing

@Suite("JSON that is written")
struct JSONWriterTests {
  @Test("is what Foundation's encoder writes, byte for byte, and reads back")
  func pretty() throws {
    var random = SplitMix(state: 9)
    for _ in 0..<300 {
      let value = RandomJSON.value(depth: 4, &random)
      let bytes = JSONWriter.pretty(value)
      #expect(try bytes == FoundationJSON.pretty(value), "\(String(decoding: bytes, as: UTF8.self))")
      #expect(try FoundationJSON.decode(bytes).isSame(value))
    }
  }

  @Test("numbers, keys and characters of all kinds are what Foundation's encoder writes")
  func kinds() throws {
    let numbers = [
      0, -0.0, 1, -2.5, 0.1, 1e-5, 1e15, 1e16, 1e22, 1.5e300, .leastNonzeroMagnitude, 123_456_789_012,
    ]
    let keys = ["a10", "a9", "B", "b", "_", "", "10", "9", "é", "e\u{301}x", "東", "😀", "ａ"]
    let text = String(String.UnicodeScalarView((0..<0x250).compactMap { Unicode.Scalar($0) })) + "/\u{2028}"
    let value = JSONValue.object([
      JSONMember("numbers", .array(numbers.map { .number($0) })),
      JSONMember("keys", .object(keys.enumerated().map { JSONMember($0.element, .integer($0.offset)) })),
      JSONMember("text", .string(text)), JSONMember("none", .array([])), JSONMember("empty", .object([])),
    ])
    #expect(try JSONWriter.pretty(value) == FoundationJSON.pretty(value))
    #expect(try JSONParser.parse(JSONWriter.pretty(value))["text"] == .string(text))
  }

  @Test("a number that JSON does not have is null")
  func notFinite() {
    #expect(JSONWriter.pretty(.number(.nan)) == Array("null".utf8))
    #expect(JSONWriter.pretty(.number(-.infinity)) == Array("null".utf8))
  }
}
