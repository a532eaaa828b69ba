/// How a token is stored in a `.bin` file; the raw value is Megatron's dtype code.
package enum TokenType: UInt8, Sendable, CaseIterable {
  case uint8 = 1
  case int8 = 2
  case int16 = 3
  case int32 = 4
  case int64 = 5
  case uint16 = 8

  package var byteCount: Int {
    switch self {
    case .uint8, .int8: 1
    case .int16, .uint16: 2
    case .int32: 4
    case .int64: 8
    }
  }

  /// Megatron's choice (`optimal_dtype`): 16 bits below 65,500 entries, else 32.
  package init(vocabularySize: Int) {
    self = vocabularySize < 65_500 ? .uint16 : .int32
  }
}
