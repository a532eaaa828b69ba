/// Filters that compare elements. Where letters' case does not matter, strings are compared in lower case.
extension Interpreter {
  private func ordered(_ value: Value, isExact: Bool) throws(TemplateFailure) -> Value {
    guard !isExact, case .string(let text) = value else { return value }
    try spend(text)
    return .string(Text.lower(text))
  }

  /// Stable; equal elements keep their order, in reverse too.
  func sorted(
    _ keyed: [(key: Value, element: Value)], reverse: Bool
  ) throws(TemplateFailure) -> [(key: Value, element: Value)] {
    // Merging from the bottom up, for a comparison that may fail, which the library's sort does not promise
    // to be stable with.
    var runs = keyed.map { [$0] }
    while runs.count > 1 {
      var merged: [[(key: Value, element: Value)]] = []
      for index in stride(from: 0, to: runs.count, by: 2) {
        let second = index + 1 < runs.count ? runs[index + 1] : []
        merged.append(try merge(runs[index], second, reverse: reverse))
      }
      runs = merged
    }
    return runs.first ?? []
  }

  private func merge(
    _ a: [(key: Value, element: Value)], _ b: [(key: Value, element: Value)], reverse: Bool
  ) throws(TemplateFailure) -> [(key: Value, element: Value)] {
    var result: [(key: Value, element: Value)] = []
    result.reserveCapacity(a.count + b.count)
    var (i, j) = (0, 0)
    while i < a.count, j < b.count {
      let takesSecond = reverse ? try precedes(a[i].key, b[j].key) : try precedes(b[j].key, a[i].key)
      result.append(takesSecond ? b[j] : a[i])
      if takesSecond { j += 1 } else { i += 1 }
    }
    return result + a[i...] + b[j...]
  }

  func sorted(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "sort", ["reverse", "case_sensitive", "attribute"])
    var paths: [[Value]] = []
    if case .string(let text)? = parameters[2] {
      for part in TextSearch.split(text, at: ",") { paths.append(try path(.string(part))) }
    } else {
      paths = [try path(parameters[2])]
    }
    var keyed: [(key: Value, element: Value)] = []
    for element in try elements(of: value) {
      var keys: [Value] = []
      for path in paths {
        keys.append(try ordered(try follow(path, from: element), isExact: parameters.flag(1)))
      }
      keyed.append((try list(keys), element))
    }
    return try list(try sorted(keyed, reverse: try parameters.strictFlag(0)).map(\.element))
  }

  func sortedEntries(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "dictsort", ["case_sensitive", "by", "reverse"])
    guard case .mapping(let mapping) = value else {
      throw failure("dictsort got \(value.article), expected a mapping")
    }
    let by = try parameters.string(1) ?? "key"
    guard by == "key" || by == "value" else {
      throw failure("dictsort got something to sort by that is neither key nor value")
    }
    var keyed: [(key: Value, element: Value)] = []
    for (entry, pair) in zip(mapping.entries, try pairs(of: mapping)) {
      keyed.append((try ordered(by == "key" ? entry.key : entry.value, isExact: parameters.flag(0)), pair))
    }
    return try list(try sorted(keyed, reverse: try parameters.strictFlag(2)).map(\.element))
  }

  func unique(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "unique", ["case_sensitive", "attribute"])
    let path = try path(parameters[1])
    var seen: Set<MappingKey> = []
    var kept: [Value] = []
    for element in try elements(of: value) {
      let compared = try ordered(try follow(path, from: element), isExact: parameters.flag(0))
      if seen.insert(try key(compared)).inserted { kept.append(element) }
    }
    return try iterator(kept)
  }

  func extreme(_ name: String, _ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: name, ["case_sensitive", "attribute"])
    let path = try path(parameters[1])
    var best: (key: Value, element: Value)?
    for element in try elements(of: value) {
      let key = try ordered(try follow(path, from: element), isExact: parameters.flag(0))
      if let best {
        guard try name == "min" ? precedes(key, best.key) : precedes(best.key, key) else { continue }
      }
      best = (key, element)
    }
    return best?.element ?? .undefined("there is no \(name): the value is empty")
  }

  func sum(_ value: Value, _ arguments: Arguments) throws(TemplateFailure) -> Value {
    let parameters = try bind(arguments, of: "sum", ["attribute", "start"])
    let path = try path(parameters[0])
    var total = parameters[1] ?? .integer(0)
    if case .string = total { throw failure("sum got a string to start from, expected a number") }
    for element in try elements(of: value) {
      try spend(1)
      total = try compute(.add, total, try follow(path, from: element))
    }
    return total
  }
}
