import TestSupport
import JSON

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
    var output: [UInt8] = []
    JSONWriter.append(string.utf8, to: &output)
    return String(decoding: output, as: UTF8.self)
  }
}
