import FoundationEssentials

/// What Foundation's reader does not say of a JSON text: keys that stand twice, and numbers that JSON does not have.
struct JSONText {
  private let bytes: [UInt8]
  private var position = 0
  /// The keys so far of each object that is open; nil for a list.
  private var open: [Set<String>?] = []

  /// A key that an object has twice: Foundation takes its first value, Python its last. The text is sound otherwise.
  static func repeatedKey(in bytes: [UInt8]) -> String? {
    var text = JSONText(bytes)
    return text.repeatedKey()
  }

  /// The first of the words that Python writes for numbers beyond JSON.
  static func wordForNumber(in bytes: [UInt8]) -> String? {
    var text = JSONText(bytes)
    while text.position < bytes.count {
      if bytes[text.position] == UInt8(ascii: "\"") {
        _ = text.string()
      } else if let word = ["NaN", "Infinity"].first(where: { bytes[text.position...].starts(with: $0.utf8) })
      {
        return word
      } else {
        text.position += 1
      }
    }
    return nil
  }

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  private mutating func repeatedKey() -> String? {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "{"): open.append([])
      case UInt8(ascii: "["): open.append(nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
      case UInt8(ascii: "\""):
        let string = string()
        if isBeforeColon, let top = open.indices.last, open[top]?.insert(string).inserted == false {
          return string
        }
        continue
      default: break
      }
      position += 1
    }
    return nil
  }

  /// The string that begins here, and its end passed.
  private mutating func string() -> String {
    let start = position
    position += 1
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    position = min(position + 1, bytes.count)
    let quoted = bytes[start..<position]
    guard quoted.contains(UInt8(ascii: "\\")) else {
      return String(decoding: quoted.dropFirst().dropLast(), as: UTF8.self)
    }
    return (try? JSONDecoder().decode(String.self, from: Data(quoted)))
      ?? String(decoding: quoted, as: UTF8.self)
  }

  private var isBeforeColon: Bool {
    bytes[position...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
  }
}
