/// Reads one character of UTF-8 at a time and says when there is none.
enum UTF8Scalar {
  /// The scalar at `offset` and its length in bytes; a length of 0 where the bytes are not UTF-8.
  @inline(__always)
  static func read(_ text: Span<UInt8>, at offset: Int, before end: Int) -> (value: UInt32, length: Int) {
    let lead = text[offset]
    if lead < 0x80 { return (UInt32(lead), 1) }
    let length = Self.length(lead)
    guard length > 0, offset + length <= end else { return (0, 0) }
    let second = text[offset + 1]
    guard accepts(second, after: lead) else { return (0, 0) }
    let low = UInt32(second & 0x3F)
    if length == 2 { return (UInt32(lead & 0x1F) << 6 | low, 2) }
    let third = text[offset + 2]
    guard third & 0xC0 == 0x80 else { return (0, 0) }
    let middle = low << 6 | UInt32(third & 0x3F)
    if length == 3 { return (UInt32(lead & 0x0F) << 12 | middle, 3) }
    let fourth = text[offset + 3]
    guard fourth & 0xC0 == 0x80 else { return (0, 0) }
    return (UInt32(lead & 0x07) << 18 | middle << 6 | UInt32(fourth & 0x3F), 4)
  }

  /// Whether the bytes begin a character and end before it does.
  static func isUnfinished(_ bytes: Span<UInt8>) -> Bool {
    guard bytes.count > 0, bytes.count < length(bytes[0]) else { return false }
    if bytes.count == 1 { return true }
    guard accepts(bytes[1], after: bytes[0]) else { return false }
    return bytes.count == 2 || bytes[2] & 0xC0 == 0x80
  }

  /// The length a leading byte announces; 0 where it cannot lead.
  @inline(__always)
  static func length(_ lead: UInt8) -> Int {
    switch lead {
    case 0x00...0x7F: 1
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 0
    }
  }

  /// Whether `second` may follow `lead`: no overlong forms, no surrogates, nothing above U+10FFFF.
  @inline(__always)
  private static func accepts(_ second: UInt8, after lead: UInt8) -> Bool {
    switch lead {
    case 0xE0: second >= 0xA0 && second <= 0xBF
    case 0xED: second >= 0x80 && second <= 0x9F
    case 0xF0: second >= 0x90 && second <= 0xBF
    case 0xF4: second >= 0x80 && second <= 0x8F
    default: second & 0xC0 == 0x80
    }
  }
}
