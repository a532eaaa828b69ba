/// Turns a `Codable` value into a tree: fields in the order declared, keys in snake_case, nil as null.
struct RecipeEncoder: Encoder {
  /// The growing tree at one place.
  final class Slot {
    enum State {
      case value(RecipeValue.Content)
      case list([Slot])
      case map([(key: String, slot: Slot)])
    }
    var state = State.map([])
    /// Keys are the user's words: kept as they are, and sorted since dictionaries have no order.
    var isKeyedByUser = false

    var value: RecipeValue {
      switch state {
      case .value(let content): return RecipeValue(content)
      case .list(let slots): return RecipeValue(.list(slots.map(\.value)))
      case .map(let pairs):
        let ordered = isKeyedByUser ? pairs.sorted { $0.key < $1.key } : pairs
        return RecipeValue(
          .map(ordered.map { RecipeValue.Entry(key: $0.key, value: $0.slot.value, place: nil) }))
      }
    }

    func slot(for key: some CodingKey) -> Slot {
      let name = isKeyedByUser ? key.stringValue : RecipeKey.snake(key.stringValue)
      var pairs: [(key: String, slot: Slot)] = []
      if case .map(let existing) = state { pairs = existing }
      let slot = Slot()
      state = .map(pairs + [(name, slot)])
      return slot
    }

    func appendSlot() -> Slot {
      var slots: [Slot] = []
      if case .list(let existing) = state { slots = existing }
      let slot = Slot()
      state = .list(slots + [slot])
      return slot
    }

    func encode<T: Encodable>(_ value: T) throws {
      switch value {
      case let bool as Bool: state = .value(.bool(bool))
      case let string as String: state = .value(.string(string))
      case let double as Double: state = .value(.double(double))
      // The shortest decimals of a Float, not its neighbour's among the Doubles.
      case let float as Float: state = .value(.double(Double(float.description) ?? Double(float)))
      case let integer as any FixedWidthInteger:
        guard let fitting = Int(exactly: integer) else {
          throw RecipeFailure("expected integers below 2^63 in a configuration, got \(integer)")
        }
        state = .value(.integer(fitting))
      default:
        isKeyedByUser = value is any KeyedByUser
        try value.encode(to: RecipeEncoder(slot: self))
      }
    }
  }

  let slot: Slot
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(Keyed<Key>(slot: slot))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    slot.state = .list([])
    return Unkeyed(slot: slot)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(slot: slot) }

  struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: Slot
    var codingPath: [any CodingKey] { [] }

    func encodeNil(forKey key: Key) { slot.slot(for: key).state = .value(.null) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try slot.slot(for: key).encode(value) }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
      -> KeyedEncodingContainer<Nested>
    { RecipeEncoder(slot: slot.slot(for: key)).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      RecipeEncoder(slot: slot.slot(for: key)).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { RecipeEncoder(slot: slot) }
    func superEncoder(forKey key: Key) -> any Encoder { RecipeEncoder(slot: slot.slot(for: key)) }
  }

  struct Unkeyed: UnkeyedEncodingContainer {
    let slot: Slot
    var codingPath: [any CodingKey] { [] }
    var count: Int { if case .list(let slots) = slot.state { slots.count } else { 0 } }

    func encodeNil() { slot.appendSlot().state = .value(.null) }
    func encode<T: Encodable>(_ value: T) throws { try slot.appendSlot().encode(value) }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
      RecipeEncoder(slot: slot.appendSlot()).container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
      RecipeEncoder(slot: slot.appendSlot()).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { RecipeEncoder(slot: slot.appendSlot()) }
  }

  struct Single: SingleValueEncodingContainer {
    let slot: Slot
    var codingPath: [any CodingKey] { [] }

    func encodeNil() { slot.state = .value(.null) }
    func encode<T: Encodable>(_ value: T) throws { try slot.encode(value) }
  }
}

extension RecipeEncoder.Keyed {
  // The standard library's defaults leave nil out; a recipe shows every field. One generic method does
  // not replace the fifteen concrete ones, so each type says it.
  private func encodeOptional<T: Encodable>(_ value: T?, _ key: Key) throws {
    if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
  }
  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try encodeOptional(value, key) }
  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws { try encodeOptional(value, key) }
}

extension RecipeValue {
  /// The tree of a configuration.
  package init<T: Encodable>(encoding value: T) throws(RecipeFailure) {
    let slot = RecipeEncoder.Slot()
    do {
      try slot.encode(value)
    } catch let failure as RecipeFailure {
      throw failure
    } catch {
      throw RecipeFailure("cannot write the configuration: \(error)")
    }
    self = slot.value
  }
}
