/// Writes JSON as bytes.
package enum JSONWriter {
  /// `value` on lines of its own, indented by two spaces, keys sorted by their bytes: byte for byte as Foundation's
  /// encoder writes it with `prettyPrinted`, `sortedKeys` and `withoutEscapingSlashes`. A number that is not finite,
  /// which JSON does not have, is null.
  package static func pretty(_ value: JSONValue) -> [UInt8] {
    var output: [UInt8] = []
    append(value, indent: 0, to: &output)
    return output
  }

  /// `text` (UTF-8) between quotes, with what RFC 8259 wants escaped.
  package static func append(_ text: some Sequence<UInt8>, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""): output += "\\\"".utf8
      case UInt8(ascii: "\\"): output += "\\\\".utf8
      case 0x08: output += "\\b".utf8
      case 0x09: output += "\\t".utf8
      case 0x0A: output += "\\n".utf8
      case 0x0C: output += "\\f".utf8
      case 0x0D: output += "\\r".utf8
      case 0..<0x20: output += ((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16)).utf8
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func append(_ value: JSONValue, indent: Int, to output: inout [UInt8]) {
    switch value {
    case .null, .bool, .integer: output += value.brief.utf8
    case .number(let number):
      let digits = number.isFinite ? number.description : "null"
      output += (digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits).utf8
    case .string(let text): append(text.utf8, to: &output)
    case .array(let elements):
      append(elements, between: "[", "]", indent, to: &output) { element, output in
        append(element, indent: indent + 1, to: &output)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      append(sorted, between: "{", "}", indent, to: &output) { member, output in
        append(member.key.utf8, to: &output)
        output += " : ".utf8
        append(member.value, indent: indent + 1, to: &output)
      }
    }
  }

  /// Each of `items` on a line; an empty line where there is none.
  private static func append<Item>(
    _ items: [Item], between open: String, _ close: String, _ indent: Int, to output: inout [UInt8],
    _ write: (Item, inout [UInt8]) -> Void
  ) {
    output += (open + "\n").utf8
    for (number, item) in items.enumerated() {
      if number > 0 { output += ",\n".utf8 }
      output += String(repeating: "  ", count: indent + 1).utf8
      write(item, &output)
    }
    output += ("\n" + String(repeating: "  ", count: indent) + close).utf8
  }
}
