import Foundation

/// Base 64 by Foundation, for files that our reader must read.
enum Foundation64 {
  static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
