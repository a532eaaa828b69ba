import FoundationEssentials

/// What a user wrote about a run: `--set path=value` over a file over the files it extends.
///
/// ```swift
/// let recipe = try Recipe(contentsOf: "gpt2.yaml", overrides: ["training.steps=100"])
/// let run = try recipe.resolve(RunConfig.self, defaults: RunConfig())
/// print(try Recipe.yaml(of: run))
/// ```
package struct Recipe: Sendable {
  /// The strongest first.
  private let layers: [RecipeValue]

  /// A recipe of overrides alone.
  package init(overrides: [String] = []) throws(RecipeFailure) {
    layers = try Self.layers(of: overrides)
  }

  /// Reads a recipe from text; `name` stands for the file in messages.
  package init(_ yaml: String, name: String = "recipe.yaml", overrides: [String] = []) throws(RecipeFailure) {
    let file = try Self.section(RecipeValue(yaml: yaml, source: name), source: name)
    layers = try Self.layers(of: overrides) + [file]
  }

  /// Reads a recipe file, and the files it names: a top-level `extends: other.yaml`, relative to the file
  /// itself, supplies what the file does not say.
  package init(contentsOf path: String, overrides: [String] = []) throws(RecipeFailure) {
    var layers = try Self.layers(of: overrides)
    var paths: [String] = []
    var next: String? = path
    while let path = next {
      guard !paths.contains(path), paths.count < 8 else {
        throw RecipeFailure(
          "\(path): recipes extend one another in a circle: \(paths.joined(separator: " → "))")
      }
      paths.append(path)
      let source = path.split(separator: "/").last.map(String.init) ?? path
      let file = try Self.section(RecipeValue(yaml: Self.text(of: path), source: source), source: source)
      next = nil
      if let base = file["extends"] {
        guard case .string(let name) = base.content else {
          throw RecipeFailure(
            "extends: expected a path, got \(base.brief) (\(source):\(base.place?.line ?? 1))")
        }
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        next = name.hasPrefix("/") ? name : (folder + [name[...]]).joined(separator: "/")
      }
      let entries = (file.entries ?? []).filter { $0.key != "extends" }
      layers.append(RecipeValue(.map(entries), at: file.place))
    }
    self.layers = layers
  }

  /// The configuration: the recipe's values over `defaults`.
  ///
  /// Throws every problem at once: unknown keys with the nearest known one, values of the wrong type.
  package func resolve<C: Codable>(_ type: C.Type, defaults: C) throws(RecipeFailure) -> C {
    let base = try RecipeValue(encoding: defaults)
    let problems = RecipeProblems(knownPaths: base.paths())
    do {
      let result = try RecipeDecoder(layers: layers + [base], path: "", problems: problems).read(type)
      if problems.sentences.isEmpty { return result }
    } catch let failure as RecipeFailure {
      problems.record(failure)
    } catch {
      problems.record(RecipeFailure("cannot read the recipe: \(error)"))
    }
    throw RecipeFailure(sentences: problems.sentences)
  }

  /// Where the user wrote the value at a dotted path ("recipe.yaml:12"); nil for a default.
  package func place(of path: String) -> RecipeValue.Place? {
    let keys = path.split(separator: ".").map(String.init)
    for layer in layers {
      let value = keys.reduce(layer as RecipeValue?) { $0?[$1] }
      if let value { return value.place }
    }
    return nil
  }

  /// A configuration as a recipe that resolves to the same one.
  package static func yaml<C: Encodable>(of configuration: C) throws(RecipeFailure) -> String {
    try RecipeValue(encoding: configuration).yaml
  }

  // MARK: Reading

  /// Later overrides are stronger.
  private static func layers(of overrides: [String]) throws(RecipeFailure) -> [RecipeValue] {
    var layers: [RecipeValue] = []
    for override in overrides.reversed() { layers.append(try layer(of: override)) }
    return layers
  }

  /// `a.b=value` as the tree {a: {b: value}}.
  private static func layer(of override: String) throws(RecipeFailure) -> RecipeValue {
    let source = "--set \(override)"
    let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let keys = parts[0].split(separator: ".", omittingEmptySubsequences: false)
      .map { $0.filter { !$0.isWhitespace } }
    guard parts.count == 2, keys.allSatisfy({ !$0.isEmpty }) else {
      throw RecipeFailure("\(source): expected path=value, such as training.steps=100")
    }
    guard keys.count <= 64 else { throw RecipeFailure("\(source): expected at most 64 levels") }
    let place = RecipeValue.Place(source: source, line: nil)
    return try keys.reversed().reduce(RecipeValue(inline: String(parts[1]), override: source)) { value, key in
      RecipeValue(.map([RecipeValue.Entry(key: key, value: value, place: place)]), at: place)
    }
  }

  private static func section(_ value: RecipeValue, source: String) throws(RecipeFailure) -> RecipeValue {
    if value.isNull { return RecipeValue(.map([])) }
    guard value.entries != nil else {
      throw RecipeFailure("\(source): expected sections such as \"training:\", got \(value.brief)")
    }
    return value
  }

  private static func text(of path: String) throws(RecipeFailure) -> String {
    let target = URL(filePath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: target) else {
      throw RecipeFailure("\(path): no such recipe; check the path")
    }
    guard attributes[.type] as? FileAttributeType == .typeRegular else {
      throw RecipeFailure("\(path): expected a recipe file, got a directory or a device")
    }
    guard let size = attributes[.size] as? Int, size <= 1 << 20 else {
      throw RecipeFailure("\(path): expected a recipe of at most 1 MiB")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw RecipeFailure("\(path): cannot read the recipe; check its permissions")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw RecipeFailure("\(path): expected UTF-8 text, got other bytes")
    }
    return text
  }
}
