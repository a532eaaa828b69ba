/// Reads a `Codable` value out of layers of trees, the strongest first: overrides, files, defaults.
///
/// A section takes each key from the strongest layer that has it; anything else (a scalar, a list, the
/// entries of a dictionary) comes whole from the strongest layer. A value of the wrong type is recorded
/// and the next layer stands in, so that one reading reports every problem.
struct RecipeDecoder: Decoder {
  /// The keys that a type asked for: what it knows, and so what a recipe may say.
  final class Asked {
    var keys: [String] = []
    /// The type took the keys as they came: a dictionary, or an enum with payloads.
    var takesAny = false
    var nested: [RecipeDecoder] = []
  }

  let layers: [RecipeValue]
  /// Dotted, "" at the root.
  let path: String
  let problems: RecipeProblems
  var isKeyedByUser = false
  let asked = Asked()

  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// The strongest value: the only one that scalars and lists read.
  var value: RecipeValue { layers.first ?? RecipeValue(.null) }

  func failure(_ expectation: String, got value: RecipeValue? = nil) -> RecipeFailure {
    let value = value ?? self.value
    let place = value.place.map { " (\($0))" } ?? ""
    return RecipeFailure("\(label): expected \(expectation), got \(value.brief)\(place)")
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(RecipeKeyedContainer(decoder: self, layers: try sections()))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let values) = value.content else { throw failure("a list") }
    return RecipeListContainer(decoder: self, values: values)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  /// The layers that are sections. An empty section (`training:` with all its keys commented out) is
  /// null in YAML and says nothing.
  private func sections() throws -> [[RecipeValue.Entry]] {
    let sections = layers.compactMap(\.entries)
    for wrong in layers where wrong.entries == nil && !wrong.isNull {
      let failure = failure("a section", got: wrong)
      if sections.isEmpty { throw failure }
      problems.record(failure)
    }
    return sections
  }

  /// Reads `type`; where the strongest layer is wrong, records it and reads the next.
  func read<T: Decodable>(_ type: T.Type) throws -> T {
    var layers = layers
    if let section = type as? any RecipeSection.Type {
      layers.append(try RecipeValue(encoding: section.init()))
    }
    while true {
      var decoder = RecipeDecoder(layers: layers, path: path, problems: problems)
      decoder.isKeyedByUser = type is any KeyedByUser.Type
      do {
        let result = try decoder.attempt(type)
        decoder.rejectUnknownKeys()
        return result
      } catch let failure as RecipeFailure {
        guard layers.count > 1, !layers[1].isNull else { throw failure }
        problems.record(failure)
        layers.removeFirst()
      }
    }
  }

  private func attempt<T: Decodable>(_ type: T.Type) throws -> T {
    if let scalar = try RecipeScalar.read(type, self) { return scalar }
    do {
      return try T(from: self)
    } catch let failure as RecipeFailure {
      throw failure
    } catch DecodingError.typeMismatch where asked.takesAny {
      // What synthesized enums with fields throw.
      throw failure("a section with the name of one choice as its only key")
    } catch DecodingError.dataCorrupted(let context) {
      throw RecipeFailure("\(label): \(context.debugDescription)\(value.place.map { " (\($0))" } ?? "")")
    }
  }

  private var label: String { path.isEmpty ? "the recipe" : path }

  func child(_ key: String, layers: [RecipeValue]) -> RecipeDecoder {
    RecipeDecoder(layers: layers, path: path.isEmpty ? key : "\(path).\(key)", problems: problems)
  }

  // MARK: Unknown keys

  func rejectUnknownKeys() {
    for nested in asked.nested { nested.rejectUnknownKeys() }
    guard !asked.takesAny, !asked.keys.isEmpty else { return }
    for entry in layers.flatMap({ $0.entries ?? [] }) where !asked.keys.contains(entry.key) {
      let unknown = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      let place = entry.place.map { " \($0.preposition)" } ?? ""
      problems.record(RecipeFailure("unknown key \(unknown)\(place)\(advice(for: entry.key))"))
    }
  }

  /// The nearest key of the same section, else the same word in another section, else all keys here.
  private func advice(for key: String) -> String {
    if let near = RecipeKey.nearest(to: key, among: asked.keys) {
      return "; did you mean \(path.isEmpty ? near : "\(path).\(near)")?"
    }
    if let elsewhere = problems.knownPaths.first(where: { $0.hasSuffix(".\(key)") }) {
      return "; did you mean \(elsewhere)?"
    }
    return "; known keys: \(asked.keys.joined(separator: ", "))"
  }
}

extension RecipeDecoder: SingleValueDecodingContainer {
  func decodeNil() -> Bool { value.isNull }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try read(type) }
}

/// The keys of a section, each taken from the strongest layer that has it.
struct RecipeKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: RecipeDecoder
  let layers: [[RecipeValue.Entry]]

  var codingPath: [any CodingKey] { [] }

  var allKeys: [Key] {
    decoder.asked.takesAny = true
    return (layers.first ?? []).compactMap {
      Key(stringValue: decoder.isKeyedByUser ? $0.key : RecipeKey.camel($0.key))
    }
  }

  private func name(_ key: Key) -> String {
    decoder.isKeyedByUser ? key.stringValue : RecipeKey.snake(key.stringValue)
  }

  /// The values at `key`, strongest first; remembers that the type knows the key.
  private func values(_ key: Key) -> [RecipeValue] {
    let name = name(key)
    if !decoder.asked.keys.contains(name) { decoder.asked.keys.append(name) }
    return layers.compactMap { entries in entries.first { $0.key == name }?.value }
  }

  private func child(_ key: Key) throws -> RecipeDecoder {
    let values = values(key)
    if values.isEmpty { throw missing(name(key)) }
    return decoder.child(name(key), layers: values)
  }

  private func missing(_ key: String) -> RecipeFailure {
    let path = decoder.path.isEmpty ? key : "\(decoder.path).\(key)"
    let place = decoder.value.place.map { " (\($0))" } ?? ""
    let others = layers.flatMap { $0.map(\.key) }.filter { !decoder.asked.keys.contains($0) }
    let near = RecipeKey.nearest(to: key, among: others).map { "; is it \($0) there?" } ?? ""
    return RecipeFailure("\(path): missing, and it has no default\(place)\(near)")
  }

  func contains(_ key: Key) -> Bool { !values(key).isEmpty }
  func decodeNil(forKey key: Key) throws -> Bool { try child(key).decodeNil() }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try child(key).read(type) }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
    -> KeyedDecodingContainer<Nested>
  {
    let child = try child(key)
    decoder.asked.nested.append(child)
    return try child.container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try child(key).unkeyedContainer()
  }
  func superDecoder() throws -> any Decoder { decoder }
  func superDecoder(forKey key: Key) throws -> any Decoder { try child(key) }
}

/// The elements of a list, in order.
struct RecipeListContainer: UnkeyedDecodingContainer {
  let decoder: RecipeDecoder
  let values: [RecipeValue]
  private(set) var currentIndex = 0

  init(decoder: RecipeDecoder, values: [RecipeValue]) {
    self.decoder = decoder
    self.values = values
  }

  var codingPath: [any CodingKey] { [] }
  var count: Int? { values.count }
  var isAtEnd: Bool { currentIndex >= values.count }

  private mutating func next() throws -> RecipeDecoder {
    guard !isAtEnd else {
      throw decoder.failure("a list of at least \(currentIndex + 1)")
    }
    defer { currentIndex += 1 }
    return RecipeDecoder(
      layers: [values[currentIndex]], path: "\(decoder.path)[\(currentIndex)]", problems: decoder.problems)
  }

  mutating func decodeNil() -> Bool {
    guard !isAtEnd, values[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().read(type) }
  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
    -> KeyedDecodingContainer<Nested>
  { try next().container(keyedBy: type) }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try next().unkeyedContainer()
  }
  mutating func superDecoder() throws -> any Decoder { try next() }
}
