import TestSupport
import JSON
import Testing

@Suite("JSON")
struct JSONParserTests {
  static func parse(_ text: String) throws(JSONParser.Fault) -> JSONValue {
    try JSONParser.parse(Array(text.utf8))
  }

  @Test(
    "is read",
    arguments: [
      ("null", JSONValue.null), (" true\n", .bool(true)), ("-0", .integer(0)), ("12", .integer(12)),
      ("9223372036854775807", .integer(.max)), ("1e2", .number(100)), ("-1.5E-1", .number(-0.15)),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("[]", .array([])), ("{ }", .object([])),
      (
        #"[1,"a" , {"b":false}]"#,
        .array([.integer(1), .string("a"), .object([JSONMember("b", .bool(false))])])
      ),
      (#""\u00e9\ud83d\ude00\n\/\"é""#, .string("é😀\n/\"é")), (#""\u0000""#, .string("\0")),
    ])
  func reads(text: String, value: JSONValue) throws { #expect(try Self.parse(text) == value) }

  @Test(
    "is refused where it is not JSON, and nothing else is wrong",
    arguments: [
      "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "[1 2]", "01", "-", "1.", ".5", "+1", "1e",
      "1e+",
      "0x10", "NaN", "Infinity", "-Infinity", "tru", "nul", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
      "\"\t\"",
      "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "1 2", "{}{}", "]", "{\"a\"}", "{\"a\":}", "[1,,2]",
      "{\"a\":1 \"b\":2}", "/**/1", "truex", "'a'", "\"\\", "\"\\ud83d\\u", "[\u{FEFF}1]", "\u{FEFF}1",
      "1e999", "-1e999", "{\"a\":1,\"a\":2}",
    ])
  func refuses(text: String) { #expect(throws: JSONParser.Fault.self) { try Self.parse(text) } }

  @Test(
    "a fault says what was got and expected, and where",
    arguments: [
      ("[1,\n 2 3]", 7, 2, "byte 0x33", "',' or ']'"), ("[1,2", 4, 1, "the end", "',' or ']'"),
      ("{\"a\":1,\n\n\"a\":2}", 9, 3, "\"a\" twice in an object", "each key once"),
      ("[-Infinity]", 2, 1, "Infinity for a number", "a finite one, for JSON has no other"),
      ("[NaN]", 1, 1, "NaN for a number", "a finite one, for JSON has no other"),
      ("[1e999]", 1, 1, "the number 1e999", "a finite one"),
      ("\"a\\ud800\"", 2, 1, "half of a surrogate pair", "both halves"),
      ("\"\t\"", 1, 1, "byte 0x9", "control characters of strings to be escaped"),
      ("[007]", 1, 1, "byte 0x30", "a number without leading zeros"),
    ])
  func fault(text: String, position: Int, line: Int, got: String, expected: String) {
    let fault = #expect(throws: JSONParser.Fault.self) { try Self.parse(text) }
    #expect(fault?.position == position && fault?.line == line, "\(text): \(fault?.description ?? "")")
    #expect(fault?.got == got && fault?.expected == expected, "\(text): \(fault?.description ?? "")")
    #expect(fault?.description == "got \(got) at byte \(position), expected \(expected)")
  }

  @Test(
    "is refused where it is not UTF-8, whatever the options",
    arguments: [
      [0x22, 0x0A, 0xFF, 0x22], [0x22, 0x0A, 0xC0, 0x80, 0x22], [0x22, 0x0A, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0x0A, 0xE6, 0x9D],
    ] as [[UInt8]])
  func refusesOtherEncodings(bytes: [UInt8]) {
    for options in [JSONParser.Options.strict, .lenient] {
      let fault = #expect(throws: JSONParser.Fault.self) { try JSONParser.parse(bytes, options) }
      #expect(fault?.position == 2 && fault?.line == 2 && fault?.got == "bytes that are not UTF-8")
    }
  }

  @Test("is refused where it is nested deeper than 64, even endlessly")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try Self.parse(nested(64))
    #expect(throws: JSONParser.Fault.self) { try Self.parse(nested(65)) }
    #expect(throws: JSONParser.Fault.self) { try Self.parse(String(repeating: "[", count: 1_000_000)) }
    #expect(throws: JSONParser.Fault.self) { try Self.parse(String(repeating: "{\"a\":", count: 100_000)) }
  }

  @Test("numbers of absurd length are refused")
  func longNumbers() {
    #expect(throws: JSONParser.Fault.self) { try Self.parse(String(repeating: "1", count: 65)) }
    #expect(throws: JSONParser.Fault.self) { try Self.parse("0." + String(repeating: "1", count: 65)) }
  }

  @Test("half a surrogate pair, a byte order mark and a key twice are read where asked")
  func lenient() throws {
    func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8), .lenient) }
    #expect(
      try parse(#"["\ud83dx","\udc00","\ud83d\u0041","\ud83d\ud83d\ude00"]"#)
        == .array(["\u{FFFD}x", "\u{FFFD}", "\u{FFFD}A", "\u{FFFD}😀"].map { .string($0) }))
    #expect(try parse("\u{FEFF}1") == .integer(1))
    #expect(throws: JSONParser.Fault.self) { try parse("[\u{FEFF}1]") }
    let twice = try parse(#"{"k":1,"l":2,"k":3}"#)
    #expect(twice.members?.count == 3 && twice["k"] == .integer(3))
  }

  @Test("keys and strings are the same where their bytes are")
  func bytes() throws {
    let (one, two) = ("\u{E9}", "e\u{301}")
    #expect(one == two)
    let value = try Self.parse("{\"\(one)\": 1, \"\(two)\": 2}")
    #expect(value[one] == .integer(1) && value[two] == .integer(2))
    #expect(JSONValue.string(one) != .string(two))
    #expect(JSONMember(one, .null) != JSONMember(two, .null))
  }

  @Test("means to Foundation's reader what it means here")
  func agrees() throws {
    var random = SplitMix(state: 3)
    for _ in 0..<500 {
      let value = RandomJSON.value(depth: 4, &random)
      let text = RandomJSON.text(value)
      #expect(try Self.parse(text) == value)
      #expect(try FoundationJSON.decode(Array(text.utf8)).isSame(value), "\(text)")
    }
  }

  @Test("whatever the bytes, it is refused at one of them, or Foundation reads it the same")
  func damage() throws {
    let seed = Array(
      #"{"a": [1.5e3, -0.25, "\ud83d\ude00\né", {"b": null}], "c": false, "d": {}, "e": 12}"#.utf8)
    let words = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u00", "1e9", "-", ".", "0", "\n", "true", "\u{FEFF}",
    ]
    for count in 0..<seed.count {
      #expect(throws: JSONParser.Fault.self) { try JSONParser.parse(Array(seed[..<count])) }
    }
    var random = SplitMix(state: 5)
    var taken = 0
    for _ in 0..<5000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = .random(in: 0...255, using: &random)
        case 1: bytes.insert(contentsOf: Array((words.randomElement(using: &random) ?? "").utf8), at: place)
        default: bytes.remove(at: place)
        }
      }
      do throws(JSONParser.Fault) {
        let value = try JSONParser.parse(bytes)
        taken += 1
        #expect((try? FoundationJSON.decode(bytes))?.isSame(value) == true, "\(bytes)")
        #expect((try? JSONParser.parse(bytes, .lenient)) == value)
      } catch {
        #expect((0...bytes.count).contains(error.position) && error.line > 0)
      }
    }
    #expect((100..<4900).contains(taken))
  }
}
