import JSON

/// Llama's kind of `tokenizer.json`: SentencePiece's BPE in Hugging Face's terms. Spaces are written U+2581
/// by the normalizer (Prepend, Replace) or by the pre-tokenizer (Metaspace).
extension HuggingFaceTokenizer {
  func pieces(_ model: JSONValue) throws(TokenizerFailure) -> PieceTokenizer {
    if model["ignore_merges"]?.bool == true {
      throw unsupported("a model with byte_fallback sets ignore_merges", "one that merges")
    }
    let spaces = try spaceHandling()
    let added = try addedTokens()
    let vocabulary = try pieceVocabulary(model["vocab"])
    let merges = try pieceMerges(model["merges"])
    let merger = try PieceMerger(
      vocabulary.pieces, merges: merges, byteIds: vocabulary.byteIds, cutsEachSpace: spaces.cutsEachSpace,
      source: source)
    let ends = DocumentEnds(configuration)
    var parts = PieceTokenizer.Parts(
      merger: merger, bytes: vocabulary.bytes, added: added, prefix: spaces.prefix,
      readsSpaceSign: true, dropsFirstSpace: dropsFirstSpace(json["decoder"]))
    parts.endOfText = ends.end(among: added)
    parts.beginningOfText = ends.beginning(among: added)
    let tokenizer = PieceTokenizer(parts)
    parts.opening = try opening(tokenizer)
    return PieceTokenizer(parts)
  }

  private typealias Spaces = (prefix: PieceTokenizer.Prefix, cutsEachSpace: Bool)

  private func spaceHandling() throws(TokenizerFailure) -> Spaces {
    var spaces: Spaces = (.none, false)
    var replaces = false
    let normalizer = json["normalizer"] ?? .null
    for stage in stages(normalizer, "normalizers") {
      switch stage["type"]?.text {
      case "Prepend" where spaces.prefix != .none: throw unsupportedSpaces("more than one Prepend")
      case "Prepend" where stage["prepend"]?.bytes == SentencePieceModel.space && !replaces:
        spaces.prefix = .everyStretch
      case "Replace"
      where stage["pattern"]?["String"]?.text == " " && stage["content"]?.bytes == SentencePieceModel.space:
        replaces = true
      default: throw unsupportedSpaces("the normalizer \(stage["type"]?.text ?? stage.kind)")
      }
    }
    for stage in stages(json["pre_tokenizer"] ?? .null, "pretokenizers") {
      switch stage["type"]?.text {
      case "Metaspace"
      where stage["replacement"]?.bytes == SentencePieceModel.space && spaces.prefix == .none:
        spaces = (try metaspacePrefix(stage), stage["split"]?.bool ?? true)
        replaces = true
      // Nothing is left for it to cut: spaces are signs by now.
      case "Split" where stage["pattern"]?["String"]?.text == " " && replaces: break
      default: throw unsupportedSpaces("the pre-tokenizer \(stage["type"]?.text ?? stage.kind)")
      }
    }
    guard replaces else { throw unsupportedSpaces("neither") }
    return spaces
  }

  private func metaspacePrefix(_ stage: JSONValue) throws(TokenizerFailure) -> PieceTokenizer.Prefix {
    // `add_prefix_space` is what files before version 0.15 say.
    let scheme = stage["prepend_scheme"]?.text
    switch scheme ?? (stage["add_prefix_space"]?.bool == false ? "never" : "always") {
    case "always": return .everyStretchWithoutOne
    case "first": return .textWithoutOne
    case "never": return .none
    case let other: throw unsupported("Metaspace's prepend_scheme is \(other)", "always, first or never")
    }
  }

  private func unsupportedSpaces(_ got: String) -> TokenizerFailure {
    unsupported(
      "the model falls back to bytes, as Llama's does, and its spaces are handled by \(got)",
      "a normalizer of Prepend and Replace that writes U+2581, or the pre-tokenizer Metaspace; "
        + "use the model's SentencePiece file (tokenizer.model) instead")
  }

  /// Whether decoding drops a space in front.
  private func dropsFirstSpace(_ decoder: JSONValue?) -> Bool {
    stages(decoder ?? .null, "decoders").contains { stage in
      switch stage["type"]?.text {
      case "Strip": (stage["start"]?.integer ?? 0) > 0
      case "Metaspace":
        stage["prepend_scheme"]?.text.map { $0 != "never" } ?? stage["add_prefix_space"]?.bool ?? true
      default: false
      }
    }
  }
}

// MARK: - Pieces and merges

extension HuggingFaceTokenizer {
  private func pieceVocabulary(
    _ json: JSONValue?
  ) throws(TokenizerFailure) -> (pieces: [PieceMerger.Piece], bytes: Vocabulary, byteIds: [Int32]) {
    guard let members = json?.members else {
      throw unsupported("got \(json?.kind ?? "no vocabulary")", "an object of tokens and their ids")
    }
    var byteIds = Array(repeating: Int32(-1), count: 256)
    var pieces: [PieceMerger.Piece] = []
    var tokens: [(bytes: [UInt8], id: Int)] = []
    for member in members {
      let key = Array(member.key.utf8)
      guard let id = member.value.integer, id >= 0, id < Vocabulary.mostIds else {
        throw unsupported(
          "token \"\(member.key.prefix(40))\" has \(member.value.brief) for its id",
          "a whole number from 0 to \(Vocabulary.mostIds - 1)")
      }
      if let byte = SentencePieceModel.byte(key) {
        byteIds[Int(byte)] = Int32(id)
        tokens.append(([byte], id))
        continue
      }
      let text = SentencePieceModel.spaced(key)
      // A space in a token's own text never meets one of the text's: those are signs by then.
      if !key.contains(0x20) { pieces.append((text, Int32(id))) }
      tokens.append((text, id))
    }
    guard !byteIds.contains(-1) else {
      throw unsupported(
        "the model falls back to bytes, and of their tokens <0x00> to <0xFF> some are missing", "all 256")
    }
    return (pieces, try Vocabulary(tokens, source: source), byteIds)
  }

  /// Merges from `"a b"` or `["a", "b"]`, with spaces for their sign.
  private func pieceMerges(_ json: JSONValue?) throws(TokenizerFailure) -> [PieceMerger.Merge] {
    guard let elements = json?.elements else {
      throw unsupported("got \(json?.kind ?? "nothing") for the merges", "an array of pairs")
    }
    var merges: [PieceMerger.Merge] = []
    merges.reserveCapacity(elements.count)
    for (rank, element) in elements.enumerated() {
      let pair =
        element.elements?.compactMap(\.bytes)
        ?? element.bytes?.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init) ?? []
      guard pair.count == 2 else { throw unsupported("merge \(rank) is \(element.kind)", "a pair of tokens") }
      merges.append((SentencePieceModel.spaced(pair[0]), SentencePieceModel.spaced(pair[1])))
    }
    return merges
  }
}
