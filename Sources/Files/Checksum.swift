import CZlib

/// A running CRC-32 (ISO 3309, zlib's), enough to tell a damaged shard from a good one.
package struct Checksum: Sendable, Equatable {
  private var state: UInt = 0

  package init() {}

  package init(of bytes: UnsafeRawBufferPointer) {
    update(bytes)
  }

  package init(of text: String) {
    Array(text.utf8).withUnsafeBytes { update($0) }
  }

  package var value: UInt32 { UInt32(truncatingIfNeeded: state) }

  /// Eight hexadecimal digits.
  package var hexadecimal: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    state = crc32_z(state, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
  }
}
