import Checkpoints
import Files
import FoundationEssentials
import JSON
import Tokenizers

/// What stands beside a model's weights and belongs to it: tokenizer files, the chat template, how to generate, what a
/// classifier's classes are called.
package struct Companions {
  /// Paths by the names that the files have beside a model.
  private(set) var files: [String: String]
  /// As `generation_config.json` has them, or else the model's own configuration; nil: neither says one.
  package let special: SpecialIDs?
  /// `id2label` and `label2id` as transformers' configuration has them; empty: none.
  let labels: [String: JSONValue]

  private static let generationFile = "generation_config.json"
  private static let labelFile = "labels.json"
  private static let labelKeys: Set = ["id2label", "label2id"]
  private static let names = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "vocab.txt", "chat_template.jinja", generationFile,
  ]
  private static let suffixes = [".model", ".tiktoken"]

  /// Those of the directory `path`, or the tokenizer that the file `path` is; nil: none. `config`: where it may say the
  /// special tokens and the labels.
  init(_ path: String?, config: ForeignConfig?) throws {
    files = try path.map(Self.find) ?? [:]
    let generation =
      try files[Self.generationFile].map { SpecialIDs(try ConfigurationFile.read($0)) } ?? SpecialIDs()
    let ids = generation.completed(with: SpecialIDs(config?.values ?? [:]))
    special = ids.isEmpty ? nil : ids
    let labelPath = path.map { "\($0)/\(Self.labelFile)" }
    let own = try labelPath.flatMap { Self.isFile($0) ? try ConfigurationFile.read($0) : nil }
    labels = (own ?? config?.values ?? [:]).filter { Self.labelKeys.contains($0.key) && $0.value != .null }
  }

  package init(_ path: String?) throws { try self.init(path, config: nil) }

  /// Takes a tokenizer from elsewhere along, the file or the directory `path`, where there is none yet.
  package mutating func add(_ path: String) throws {
    // Beside weights, as they are here: a file that stands alone would be taken for a tokenizer.
    guard TokenizerFormat.files(among: files.keys + [SafetensorsSet.fileName]) == nil else { return }
    files.merge(try Self.find(path)) { own, _ in own }
  }

  /// Paths by names.
  private static func find(_ path: String) throws -> [String: String] {
    guard isDirectory(path) else {
      // A tokenizer under whatever name: it gets the one that it is found by among other files.
      let name = String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
      let contents = try MappedFile(path).contents
      do {
        let tokenizer = try TokenizerFormat.load([name: contents])
        return Dictionary(tokenizer.files.keys.map { ($0, path) }) { first, _ in first }
      } catch { throw ModelDirectory.Failure(description: "\(path): \(error)") }
    }
    let present = try FileManager.default.contentsOfDirectory(atPath: path).filter {
      !$0.hasPrefix(".") && isFile("\(path)/\($0)")
    }
    let tokenizer = TokenizerFormat.files(among: present) ?? []
    if present.count == 1, tokenizer == present, let lone = try? find("\(path)/\(present[0])") { return lone }
    let kept = present.filter { name in
      names.contains(name) || tokenizer.contains(name) || suffixes.contains { name.hasSuffix($0) }
    }
    return Dictionary(kept.map { ($0, "\(path)/\($0)") }) { first, _ in first }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }

  private static func isFile(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path) && !isDirectory(path)
  }

  /// Copies the files into `target` as they are, but for `generation_config.json`: it is made, or completed, where it
  /// lacks what `special` has.
  func write(to target: String, special: SpecialIDs) throws {
    for (name, path) in files {
      let source = try MappedFile(path)
      let copy = try AtomicFile("\(target)/\(name)")
      try withExtendedLifetime(source) { try copy.write(source.bytes) }
      try copy.commit()
    }
    let generation = try files[Self.generationFile].map { try ConfigurationFile.read($0) } ?? [:]
    let all = generation.merging(special.members(all: false)) { own, new in own == .null ? new : own }
    if all != generation { try ConfigurationFile.write(all, to: "\(target)/\(Self.generationFile)") }
  }

  /// Writes what the classes are called beside a model of ours.
  func writeLabels(of classes: Int, to target: String) throws {
    let labels = labels(of: classes)
    if !labels.isEmpty { try ConfigurationFile.write(labels, to: "\(target)/\(Self.labelFile)") }
  }

  /// The labels of a model with `classes` classes; empty where they are not of this many.
  func labels(of classes: Int) -> [String: JSONValue] {
    guard classes > 0, case .object(let names)? = labels["id2label"], names.count == classes else {
      return [:]
    }
    return labels
  }
}

/// The tokens that begin, end and fill sequences, as transformers' files name them.
package struct SpecialIDs: Sendable {
  /// Numbers, or lists of them, by key.
  private var ids: [String: JSONValue] = [:]

  private static let keys = ["bos_token_id", "eos_token_id", "pad_token_id"]

  package init(beginning: Int32? = nil, end: Int32? = nil) {
    ids["bos_token_id"] = beginning.map { .integer(Int($0)) }
    ids["eos_token_id"] = end.map { .integer(Int($0)) }
  }

  init(_ members: [String: JSONValue]) {
    for key in Self.keys {
      if let value = members[key], value != .null { ids[key] = value }
    }
  }

  var isEmpty: Bool { ids.isEmpty }

  /// The tokens that end a text: one, several, or none that is known.
  package var ends: [Int32] {
    let values =
      if case .array(let several)? = ids["eos_token_id"] { several } else { [ids["eos_token_id"] ?? .null] }
    return values.compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
  }

  /// With those of `other` that this lacks.
  func completed(with other: SpecialIDs?) -> SpecialIDs {
    var all = self
    all.ids.merge(other?.ids ?? [:]) { own, _ in own }
    return all
  }

  /// `all`: null for those that are not known, which keeps transformers from making them up.
  func members(all: Bool) -> [String: JSONValue] {
    all ? Dictionary(Self.keys.map { ($0, ids[$0] ?? .null) }) { first, _ in first } : ids
  }
}
