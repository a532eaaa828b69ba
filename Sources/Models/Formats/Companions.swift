import Files
import FoundationEssentials

/// What stands beside a model's weights and belongs to it: tokenizer files, the chat template, how to generate.
package struct Companions {
  /// Paths.
  private(set) var files: [String]
  /// As `generation_config.json` has them, or else the model's own configuration.
  let special: SpecialIDs?

  private static let generation = "generation_config.json"
  private static let names = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "merges.txt", "vocab.txt", "chat_template.jinja", generation,
  ]
  private static let suffixes = [".model", ".tiktoken"]

  /// Those of the directory `path`, or the file `path` alone; nil: none. `config`: where it may say the special tokens.
  init(_ path: String?, config: ForeignConfig?) throws {
    var isDirectory = false
    if let path, FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory {
      files = try FileManager.default.contentsOfDirectory(atPath: path).sorted().filter { name in
        Self.names.contains(name)
          || !name.hasPrefix(".") && Self.suffixes.contains { name.hasSuffix($0) }
      }.map { "\(path)/\($0)" }
    } else {
      files = path.map { [$0] } ?? []
    }
    if let generation = files.first(where: { Self.name(of: $0) == Self.generation }) {
      special = SpecialIDs(try JSON.object(at: generation))
    } else {
      special = config.map { SpecialIDs($0.values) }.flatMap { $0.isEmpty ? nil : $0 }
    }
  }

  package init(_ path: String?) throws { try self.init(path, config: nil) }

  /// Takes a tokenizer from elsewhere along: the file, or the files of the directory, `path`.
  package mutating func add(_ path: String) throws {
    let names = Set(files.map(Self.name))
    files += try Companions(path).files.filter { !names.contains(Self.name(of: $0)) }
  }

  private static func name(of path: String) -> String {
    String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
  }

  /// Copies the files into `target` as they are, and writes `generation_config.json` where there is none.
  func write(to target: String, special: SpecialIDs?) throws {
    for path in files {
      let source = try MappedFile(path)
      let copy = try AtomicFile("\(target)/\(Self.name(of: path))")
      try withExtendedLifetime(source) { try copy.write(source.bytes) }
      try copy.commit()
    }
    if !files.contains(where: { Self.name(of: $0) == Self.generation }), let special, !special.isEmpty {
      try JSON.write(special.members(all: false), to: "\(target)/\(Self.generation)")
    }
  }
}

/// The tokens that begin, end and fill sequences, as transformers' files name them.
package struct SpecialIDs: Sendable {
  /// Numbers, or lists of them, by key.
  private var ids: [String: JSON] = [:]

  private static let keys = ["bos_token_id", "eos_token_id", "pad_token_id"]

  package init(beginning: Int32? = nil, end: Int32? = nil) {
    ids["bos_token_id"] = beginning.map { .integer(Int($0)) }
    ids["eos_token_id"] = end.map { .integer(Int($0)) }
  }

  init(_ members: [String: JSON]) {
    for key in Self.keys {
      if let value = members[key], value != .null { ids[key] = value }
    }
  }

  var isEmpty: Bool { ids.isEmpty }

  /// `all`: null for those that are not known, which keeps transformers from making them up.
  func members(all: Bool) -> [String: JSON] {
    all ? Dictionary(Self.keys.map { ($0, ids[$0] ?? .null) }) { first, _ in first } : ids
  }
}
