/// What Python hashes: equal keys are one, 1 and true among them. Strings are compared by their bytes, since
/// Swift takes "é" in one character and in two for equal.
enum MappingKey: Hashable {
  case undefined
  case none
  case integer(Int)
  case number(Double)
  case text([UInt8])
  case tuple([MappingKey])

  /// In bytes, roughly.
  var size: Int {
    switch self {
    case .text(let bytes): bytes.count
    case .tuple(let keys): keys.reduce(16) { $0 + $1.size }
    default: 16
    }
  }

  /// Nil for what cannot be a key.
  init?(_ value: Value) {
    switch value {
    case .undefined: self = .undefined
    case .none: self = .none
    case .bool(let value): self = .integer(value ? 1 : 0)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = Int(exactly: value).map { .integer($0) } ?? .number(value)
    case .string(let text): self = .text(Array(text.utf8))
    case .list(let list) where list.kind == .tuple:
      var keys: [MappingKey] = []
      for element in list.elements {
        guard let key = MappingKey(element) else { return nil }
        keys.append(key)
      }
      self = .tuple(keys)
    default: return nil
    }
  }
}
