import FoundationEssentials
import NIOCore
import Testing

@testable import Serving

@Suite("JSON that clients send")
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
      "{\"a\":1 \"b\":2}", "/**/1", "\u{FEFF}1", "1e999", "-1e999", "{\"a\":1,\"a\":2}",
    ])
  func refuses(text: String) { #expect(throws: JSONParser.Fault.self) { try Self.parse(text) } }

  @Test(
    "is refused where it is not UTF-8",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE6, 0x9D],
    ]
      as [[UInt8]])
  func refusesOtherEncodings(bytes: [UInt8]) {
    #expect(throws: JSONParser.Fault(description: "the body is not valid UTF-8")) {
      try JSONParser.parse(bytes)
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

  @Test("means to FoundationEssentials' reader what it means here")
  func agrees() throws {
    var random = SplitMix(state: 3)
    for _ in 0..<500 {
      let value = RandomJSON.value(depth: 4, &random)
      let text = RandomJSON.text(value)
      #expect(try Self.parse(text) == value)
      #expect(RandomJSON.isSame(value, try JSON.decode(Array(text.utf8))), "\(text)")
    }
  }

  @Test("strings come back from what is written, all characters of them")
  func writes() throws {
    let text = String(String.UnicodeScalarView((0..<0x250).compactMap { Unicode.Scalar($0) })) + "東\u{2028}😀"
    var output = JSONOutput()
    output.string(text)
    let bytes = Array(output.buffer.readableBytesView)
    #expect(try JSON.decode(bytes) == .string(text))
    #expect(try JSONParser.parse(bytes) == .string(text))
    #expect(!bytes.contains { $0 < 0x20 })
  }

  @Test("numbers are written with the digits that read back as the same double")
  func numbers() throws {
    for number in [0.1, -1.0 / 3, 1e-300, 1e22, -87.123456789, .leastNonzeroMagnitude, 5] {
      var output = JSONOutput()
      output.number(number)
      #expect(try JSON.decode(Array(output.buffer.readableBytesView)).number == number)
    }
    var output = JSONOutput()
    output.number(Double.nan)
    output.comma()
    output.number(-Double.infinity)
    #expect(String(buffer: output.buffer) == "null,-9999.0")
  }
}

/// Documents to try readers with.
enum RandomJSON {
  static func value(depth: Int, _ random: inout SplitMix) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(.random(in: -(1 << 50)...(1 << 50), using: &random))
    case 3: return .number(.random(in: -1e6...1e6, using: &random) + 0.000_123)
    case 4, 5: return .string(string(&random))
    case 6:
      return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(depth: depth - 1, &random) })
    default:
      return .object(
        (0..<Int.random(in: 0...4, using: &random)).map {
          JSONMember("\($0)" + string(&random), value(depth: depth - 1, &random))
        })
    }
  }

  private static func string(_ random: inout SplitMix) -> String {
    (0..<Int.random(in: 0...6, using: &random)).map { _ in
      ["a", "\"", "\\", "\n", "é", "😀", "\u{1}", "/", " "].randomElement(using: &random) ?? ""
    }.joined()
  }

  static func text(_ value: JSONValue) -> String {
    switch value {
    case .null: return "null"
    case .bool(let bool): return "\(bool)"
    case .integer(let integer): return "\(integer)"
    case .number(let number): return "\(number)"
    case .string(let string): return quoted(string)
    case .array(let elements): return "[" + elements.map(text).joined(separator: " , ") + "]"
    case .object(let members):
      return "{" + members.map { quoted($0.key) + ": " + text($0.value) }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ string: String) -> String {
    var output = JSONOutput()
    output.string(string)
    return String(buffer: output.buffer)
  }

  static func isSame(_ value: JSONValue, _ other: JSON) -> Bool {
    switch (value, other) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .number(let b)): Double(a) == b
    case (.number(let a), .number(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1) }
    case (.object(let a), .object(let b)):
      a.count == b.count && a.allSatisfy { member in b[member.key].map { isSame(member.value, $0) } ?? false }
    default: false
    }
  }
}

/// A generator that repeats (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
