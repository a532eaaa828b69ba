/// A list and what Python has beside it.
final class ListValue {
  enum Kind: Equatable {
    case list
    case tuple
    /// Of a mapping, by what it shows: keys, values, items.
    case view(String)
    case range(start: Int, stop: Int, step: Int)

    var type: String {
      switch self {
      case .list: "list"
      case .tuple: "tuple"
      case .view(let part): "dict_\(part)"
      case .range: "range"
      }
    }
  }

  let elements: [Value]
  let kind: Kind
  let depth: Int

  init(_ elements: [Value], _ kind: Kind, depth: Int) {
    self.elements = elements
    self.kind = kind
    self.depth = depth
  }
}

/// Keys with their values, in the order in which they came.
final class MappingValue {
  let entries: [(key: Value, value: Value)]
  let depth: Int
  private let places: [MappingKey: Int]

  init(_ entries: [(key: Value, value: Value)], places: [MappingKey: Int], depth: Int) {
    self.entries = entries
    self.places = places
    self.depth = depth
  }

  subscript(key: MappingKey) -> Value? { places[key].map { entries[$0].value } }

  subscript(key: String) -> Value? { self[.text(Array(key.utf8))] }
}

/// What a namespace holds, by name.
struct NamespaceState {
  private(set) var entries: [(key: Value, value: Value)] = []
  private var places: [String: Int] = [:]

  subscript(name: String) -> Value? {
    get { places[name].map { entries[$0].value } }
    set {
      guard let newValue else { return }
      if let place = places[name] {
        entries[place].value = newValue
      } else {
        places[name] = entries.count
        entries.append((.string(name), newValue))
      }
    }
  }
}

/// What filters such as `map` give: elements to be gone through once.
final class IteratorValue {
  private let elements: [Value]
  private var position = 0
  let depth: Int

  init(_ elements: [Value]) {
    self.elements = elements
    self.depth = Value.depth(over: elements)
  }

  func next() -> Value? {
    guard position < elements.count else { return nil }
    position += 1
    return elements[position - 1]
  }

  func rest() -> [Value] {
    defer { position = elements.count }
    return Array(elements[position...])
  }
}

/// `loop`.
final class LoopState {
  let elements: [Value]
  var index = 0
  let depth: Int

  init(_ elements: [Value]) {
    self.elements = elements
    self.depth = Value.depth(over: elements)
  }

  func item(at index: Int) -> Value? { elements.indices.contains(index) ? elements[index] : nil }
}

/// A method with the value that it belongs to.
final class MethodValue {
  let receiver: Value
  let name: String

  init(_ receiver: Value, _ name: String) {
    self.receiver = receiver
    self.name = name
  }
}
