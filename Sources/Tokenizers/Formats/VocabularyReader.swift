import JSON

/// Builds a byte-level vocabulary and its merges from what GPT-2's files hold: tokens and merges written in
/// the visible byte alphabet.
struct VocabularyReader {
  let source: String
  private let alphabet = ByteAlphabet.gpt2

  init(source: String) { self.source = source }

  /// - Parameter added: contents of added tokens, which need not be in the byte alphabet.
  func vocabulary(
    _ json: JSONValue?, added: [AddedTokens.Token]
  ) throws(TokenizerFailure) -> Vocabulary {
    guard let members = json?.members else {
      throw TokenizerFailure(
        source, "got \(json?.kind ?? "no vocabulary"), expected an object of tokens and their ids")
    }
    let addedIds = Set(added.map(\.id))
    var tokens: [(bytes: [UInt8], id: Int)] = []
    tokens.reserveCapacity(members.count)
    var addedTokens: [(bytes: [UInt8], id: Int)] = []
    for member in members {
      let key = Array(member.key.utf8)
      guard let id = member.value.integer else {
        throw TokenizerFailure(
          source,
          "token \"\(member.key.prefix(40))\" has \(member.value.kind) for its id, expected a whole number")
      }
      if addedIds.contains(Int32(truncatingIfNeeded: id)) {
        addedTokens.append((alphabet.read(key) ?? key, id))
        continue
      }
      guard let bytes = alphabet.read(key) else {
        throw TokenizerFailure(
          source,
          "token \"\(member.key.prefix(40))\" is not written in GPT-2's byte alphabet, so this is no byte-level vocabulary; "
            + "use the model's SentencePiece file (tokenizer.model) instead")
      }
      tokens.append((bytes, id))
    }
    // Added tokens come last, so that ordinary text keeps its own id where both have the same bytes.
    return try Vocabulary(tokens + addedTokens, source: source)
  }

  /// Merges from `"a b"` or `["a", "b"]`.
  func merges(_ json: JSONValue?, _ vocabulary: Vocabulary) throws(TokenizerFailure) -> MergeTable {
    guard let elements = json?.elements else {
      throw TokenizerFailure(
        source, "got \(json?.kind ?? "nothing") for the merges, expected an array of pairs")
    }
    var table = MergeTable(expecting: elements.count)
    for (rank, element) in elements.enumerated() {
      if case .array(let pair) = element, pair.count == 2, let left = pair[0].bytes,
        let right = pair[1].bytes
      {
        try add(left[...], right[...], rank, vocabulary, &table)
      } else if let line = element.bytes {
        try add(line: line[...], rank, vocabulary, &table)
      } else {
        throw TokenizerFailure(source, "merge \(rank) is \(element.kind), expected a pair of tokens")
      }
    }
    return table
  }

  /// Merges from the lines of `merges.txt` or `vocab.bpe`, whose first line may be a version.
  func merges(lines: [UInt8], _ vocabulary: Vocabulary) throws(TokenizerFailure) -> MergeTable {
    let rows = lines.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }
      .filter { !$0.isEmpty && !$0.starts(with: Array("#version".utf8)) }
    var table = MergeTable(expecting: rows.count)
    for (rank, row) in rows.enumerated() { try add(line: row, rank, vocabulary, &table) }
    return table
  }

  private func add(
    line: ArraySlice<UInt8>, _ rank: Int, _ vocabulary: Vocabulary, _ table: inout MergeTable
  ) throws(TokenizerFailure) {
    guard let space = line.firstIndex(of: 0x20), !line[(space + 1)...].contains(0x20) else {
      let text = String(decoding: line.prefix(40), as: UTF8.self)
      throw TokenizerFailure(source, "merge \(rank) is \"\(text)\", expected two tokens with a space between")
    }
    try add(line[..<space], line[(space + 1)...], rank, vocabulary, &table)
  }

  private func add(
    _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, _ rank: Int, _ vocabulary: Vocabulary,
    _ table: inout MergeTable
  ) throws(TokenizerFailure) {
    guard let leftBytes = alphabet.read(Array(left)), let rightBytes = alphabet.read(Array(right)),
      let leftId = vocabulary.id(of: leftBytes), let rightId = vocabulary.id(of: rightBytes),
      let id = vocabulary.id(of: leftBytes + rightBytes)
    else {
      let pair = String(decoding: left, as: UTF8.self) + " " + String(decoding: right, as: UTF8.self)
      throw TokenizerFailure(
        source,
        "merge \(rank) (\"\(pair)\") names a token that the vocabulary lacks; "
          + "expected both parts and their union in it: the files do not belong together or are damaged")
    }
    table.add(leftId, rightId, rank: rank, makes: id)
  }
}
