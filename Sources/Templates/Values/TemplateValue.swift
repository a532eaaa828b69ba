/// A value that a template is given.
package enum TemplateValue: Sendable, Equatable {
  /// As if it had not been given.
  case undefined
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case list([TemplateValue])
  case mapping(TemplateMapping)

  /// The text of a string.
  package var text: String? {
    if case .string(let text) = self { return text }
    return nil
  }

  package var elements: [TemplateValue]? {
    if case .list(let elements) = self { return elements }
    return nil
  }

  /// The value of a key of a mapping.
  package subscript(key: String) -> TemplateValue? {
    guard case .mapping(let mapping) = self else { return nil }
    return mapping[key]
  }
}

/// Keys with their values, in the order in which `tojson` and loops show them. Where a key stands twice, the
/// last value counts at the first place, as in Python.
package struct TemplateMapping: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    package let key: String
    package let value: TemplateValue
  }

  package private(set) var entries: [Entry] = []

  package init() {}

  package mutating func append(_ key: String, _ value: TemplateValue) {
    entries.append(Entry(key: key, value: value))
  }

  /// Looks through all keys.
  package subscript(key: String) -> TemplateValue? {
    entries.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}

extension TemplateMapping: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, TemplateValue)...) {
    for (key, value) in elements { append(key, value) }
  }
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .number(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: TemplateValue...) { self = .list(elements) }
  package init(dictionaryLiteral elements: (String, TemplateValue)...) {
    var mapping = TemplateMapping()
    for (key, value) in elements { mapping.append(key, value) }
    self = .mapping(mapping)
  }
}
