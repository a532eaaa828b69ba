import Testing

@testable import Tokenizers

/// The 64-bit FNV-1a hash by which fixtures hold what is too long to keep.
struct FowlerNollVo {
  private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ text: String) {
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }

  var text: String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension Fixture {
  /// Characters of Unicode 14, as the scripts beside the fixtures choose them.
  static func assigned(_ range: Range<UInt32>) -> [Unicode.Scalar] {
    range.compactMap(Unicode.Scalar.init).filter { scalar in
      scalar.value != 0x11938 && scalar.value < 0xF0000
        && scalar.properties.generalCategory != .unassigned && (scalar.properties.age?.major ?? .max) <= 14
    }
  }
}
