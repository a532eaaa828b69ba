/// How an element is stored. Arithmetic is f32; the others are storage.
package enum DType: String, Sendable, Codable, CaseIterable {
  case f32, bf16, f16, i32, u8

  /// Bytes per element.
  package var size: Int {
    switch self {
    case .f32, .i32: 4
    case .bf16, .f16: 2
    case .u8: 1
    }
  }
}
