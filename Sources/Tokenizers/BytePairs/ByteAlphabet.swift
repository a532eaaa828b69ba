/// GPT-2's way to write any byte as a visible character: printable ones as themselves, the rest as
/// U+0100, U+0101, … in the order of the bytes.
struct ByteAlphabet: Sendable {
  /// By byte: its character.
  let characters: [Unicode.Scalar]
  /// By character: its byte, or -1.
  private let bytes: [Int16]

  static let gpt2 = ByteAlphabet()

  private init() {
    var characters: [Unicode.Scalar] = []
    var bytes = Array(repeating: Int16(-1), count: 0x144)
    var hidden: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      var character = Unicode.Scalar(byte)
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: break
      default:
        character = Unicode.Scalar(hidden) ?? character
        hidden += 1
      }
      characters.append(character)
      bytes[Int(character.value)] = Int16(byte)
    }
    self.characters = characters
    self.bytes = bytes
  }

  /// The bytes in the order of their characters: GPT-2's ids 0 to 255.
  var bytesByCharacter: [UInt8] {
    (UInt8.min...UInt8.max).sorted { characters[Int($0)] < characters[Int($1)] }
  }

  /// `bytes` in visible characters, as UTF-8.
  func written(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for byte in bytes { text.append(contentsOf: UTF8.encode(characters[Int(byte)]) ?? .init()) }
    return text
  }

  /// The bytes behind visible characters; nil where a character is not of the alphabet.
  func read(_ text: [UInt8]) -> [UInt8]? {
    let span = text.span
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var offset = 0
    while offset < text.count {
      let (scalar, length) = UTF8Scalar.read(span, at: offset, before: text.count)
      guard length > 0, scalar < bytes.count, bytes[Int(scalar)] >= 0 else { return nil }
      result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
      offset += length
    }
    return result
  }
}
