import NIOCore

/// JSON, written straight into the bytes that go out. Whoever writes says where commas stand.
struct JSONOutput {
  var buffer: ByteBuffer

  init(capacity: Int = 1024) { buffer = ByteBuffer(); buffer.reserveCapacity(capacity) }

  mutating func raw(_ text: StaticString) { buffer.writeStaticString(text) }

  mutating func comma() { buffer.writeInteger(UInt8(ascii: ",")) }

  mutating func integer(_ value: Int) { buffer.writeString(String(value)) }

  /// The shortest digits that read back as `value`. JSON has no NaN, which becomes null, and no infinity: where
  /// a probability is zero, OpenAI's API says −9999.
  mutating func number(_ value: Double) {
    if value.isNaN {
      raw("null")
    } else if value.isInfinite {
      raw(value < 0 ? "-9999.0" : "9999.0")
    } else {
      buffer.writeString(value.description)
    }
  }

  mutating func number(_ value: Float) {
    if value.isFinite { buffer.writeString(value.description) } else { raw("null") }
  }

  mutating func string(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      buffer.writeInteger(UInt8(ascii: "\""))
      var start = 0
      for index in bytes.indices where Self.needsEscape(bytes[index]) {
        buffer.writeBytes(bytes[start..<index])
        escape(bytes[index])
        start = index + 1
      }
      buffer.writeBytes(bytes[start...])
      buffer.writeInteger(UInt8(ascii: "\""))
    }
  }

  mutating func optional(_ text: String?) {
    if let text { string(text) } else { raw("null") }
  }

  private static func needsEscape(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5C }

  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case 0x0A: raw("\\n")
    case 0x0D: raw("\\r")
    case 0x09: raw("\\t")
    case 0x22: raw("\\\"")
    case 0x5C: raw("\\\\")
    default:
      raw("\\u00")
      for digit in [byte >> 4, byte & 15] {
        buffer.writeInteger(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      }
    }
  }
}
