import Tensors

/// The element types of safetensors, spelled as its files spell them.
package enum StoredType: String, Codable, Sendable, CaseIterable {
  case bool = "BOOL"
  case u8 = "U8"
  case i8 = "I8"
  case f8e5m2 = "F8_E5M2"
  case f8e4m3 = "F8_E4M3"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case i64 = "I64"
  case u64 = "U64"
  case f64 = "F64"

  /// Bytes per element.
  package var size: Int {
    switch self {
    case .bool, .u8, .i8, .f8e5m2, .f8e4m3: 1
    case .i16, .u16, .f16, .bf16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64: 8
    }
  }

  package init(_ type: DType) {
    switch type {
    case .f32: self = .f32
    case .bf16: self = .bf16
    case .f16: self = .f16
    case .i32: self = .i32
    case .u8: self = .u8
    }
  }

  /// The type of tensors in memory that is the same; nil where there is none.
  package var dtype: DType? {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    case .i32: .i32
    case .u8: .u8
    case .bool, .i8, .f8e5m2, .f8e4m3, .i16, .u16, .u32, .i64, .u64, .f64: nil
    }
  }

  /// Whether a tensor of elements `type` can be read from elements of this type: the same, f32 on one side and
  /// a narrower float on the other, f64 to f32, bool to u8.
  package func converts(to type: DType) -> Bool {
    switch (self, type) {
    case (.f32, .bf16), (.f32, .f16), (.bf16, .f32), (.f16, .f32), (.f64, .f32), (.bool, .u8): true
    default: self == StoredType(type)
    }
  }

  /// The bytes of a tensor of shape `shape`, or nil when the number overflows or a size is negative.
  func byteCount(shape: [Int]) -> Int? {
    var count = size
    for dimension in shape {
      guard dimension >= 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow else { return nil }
      count = product
    }
    return count
  }
}
