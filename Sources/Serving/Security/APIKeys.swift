import Crypto
import FoundationEssentials

/// The API keys that open a server, as SHA-256 hashes: the keys themselves are nowhere.
///
/// Keys must be long and random (`openssl rand -hex 32`), for a hash of a guessable key can be guessed too.
package struct APIKeys: Sendable, Equatable {
  /// Why a file of keys cannot be used.
  package struct Failure: Error, CustomStringConvertible, Equatable {
    package let description: String
  }

  private var digests: [[UInt8]] = []

  package init() {}

  /// Reads a hash (64 hexadecimal digits) a line; empty lines and what follows `#` count for nothing.
  package init(text: String, source: String) throws(Failure) {
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let entry = line.prefix { $0 != "#" }.filter { !$0.isWhitespace }
      if entry.isEmpty { continue }
      guard let digest = Self.bytes(ofHexadecimal: entry), digest.count == 32 else {
        throw Failure(
          description: "\(source):\(number + 1): is not the SHA-256 hash of a key (64 hexadecimal digits)")
      }
      digests.append(digest)
    }
    if digests.isEmpty {
      throw Failure(description: "\(source): has no key, expected the SHA-256 hash of one a line")
    }
  }

  package var isEmpty: Bool { digests.isEmpty }

  /// The line that a file of keys has for `key`.
  package static func hash(_ key: String) -> String {
    digest(key).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// Whether `key` opens. The time does not depend on which key is right or how much of it.
  package func accept(_ key: String) -> Bool {
    let digest = Self.digest(key)
    var isFound: UInt8 = 0
    for candidate in digests {
      var difference: UInt8 = 0
      for (a, b) in zip(candidate, digest) { difference |= a ^ b }
      // 1 where all bits of the difference are 0, without a branch.
      isFound |= UInt8(truncatingIfNeeded: (UInt16(difference) &- 1) >> 15)
    }
    return isFound == 1
  }

  private static func digest(_ key: String) -> [UInt8] { Array(SHA256.hash(data: Array(key.utf8))) }

  private static func bytes(ofHexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.map { Unicode.Scalar($0) }.map { Character($0).hexDigitValue }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}
