/// SentencePiece's unigram model, done here: the cut of a text into pieces whose scores add up to the most
/// (Kudo 2018), by Viterbi over a trie.
///
/// Where no piece has a space behind another character, every cut of a text cuts before its words, so a word
/// is settled when it ends and little memory is touched. What goes on is the sum so far, in 32 bits: its
/// rounding decides between cuts that are equally likely, so it gives the library's ids (those of the Python
/// package 0.2.3; 0.1.97 rounds in another place) only when it is the library's sum.
struct UnigramEncoder: Sendable {
  private let trie: PieceTrie
  private let rules: NormalizationRules
  private let unknown: Int32
  private let unknownScore: Float
  /// By byte: its piece; empty where the model does not fall back to bytes.
  private let byteIds: [Int32]
  private let addsDummyPrefix: Bool
  private let removesExtraWhitespace: Bool
  private let cutsAtSpaces: Bool
  private let pool = WorkspacePool { UnigramWorkspace() }

  /// What the library takes off the smallest score for a character that no piece begins with.
  private static let unknownPenalty: Float = 10
  /// Where the sum starts again at zero, some 40 KB into a text, before its last digit grows coarse. Found by
  /// trying: of 400 KB every word has the package's ids with 98,304 and with it, not so from 90,000 down or
  /// from 102,400 up.
  private static let largestSum: Float = 100_000

  /// nil where the model is not of this kind; pieces that users defined stay with the library.
  ///
  /// - Parameter addsDummyPrefix: whether a text is read as if a space stood before it.
  init?(
    _ model: SentencePieceModel, byteIds: [Int32], addsDummyPrefix: Bool, source: String
  ) throws(TokenizerFailure) {
    guard model.algorithm == .unigram, model.escapesWhitespace, !model.treatsWhitespaceAsSuffix,
      model.fallsBackToBytes == !byteIds.isEmpty,
      !model.pieces.contains(where: { $0.kind == .userDefined || $0.kind == .unused }),
      let unknown = model.pieces.firstIndex(where: { $0.kind == .unknown })
    else { return nil }
    let pieces = model.pieces.enumerated().filter { $0.element.kind == .normal }.map {
      (
        text: SentencePieceTokenizer.bytes(of: $0.element, model), id: Int32($0.offset),
        score: $0.element.score
      )
    }
    trie = PieceTrie(pieces)
    rules = try NormalizationRules(model.replacements, source: source)
    self.unknown = Int32(unknown)
    unknownScore = (pieces.map(\.score).min() ?? 0) - Self.unknownPenalty
    self.byteIds = byteIds
    self.addsDummyPrefix = addsDummyPrefix
    removesExtraWhitespace = model.removesExtraWhitespace
    cutsAtSpaces = !pieces.contains { PieceMerger.hasInnerSpace($0.text) }
  }

  /// Appends the ids of `text[range]`; a byte that is not UTF-8 stands for U+FFFD.
  func encode(_ text: Span<UInt8>, _ range: Range<Int>, into output: inout [Int32]) {
    guard !range.isEmpty else { return }
    var state = pool.take()
    state.begin(spaces: addsDummyPrefix ? 1 : 0, dropsSpaces: removesExtraWhitespace)
    var position = range.lowerBound
    while position < range.upperBound {
      let rule = rules.match(text, from: position, before: range.upperBound)
      if rule.length > 0 {
        append(rules.replacement(at: rule.place), &state, into: &output)
        position += rule.length
      } else {
        position += appendCharacter(text, at: position, before: range.upperBound, &state, into: &output)
      }
    }
    if !removesExtraWhitespace { appendSpaces(&state, into: &output) }
    appendWord(&state, into: &output)
    pool.give(state)
  }
}

// MARK: - Normalisation

extension UnigramEncoder {
  private func append(
    _ replacement: ArraySlice<UInt8>, _ state: inout UnigramWorkspace, into output: inout [Int32]
  ) {
    let kept = state.dropsSpaces ? replacement.drop { $0 == 0x20 } : replacement
    guard let last = kept.last else { return }
    for byte in kept {
      if byte == 0x20 { state.spaces += 1 } else { append(byte, &state, into: &output) }
    }
    state.dropsSpaces = removesExtraWhitespace && last == 0x20
  }

  /// Appends the character at `position` as it is, and says how many bytes it took.
  @inline(__always)
  private func appendCharacter(
    _ text: Span<UInt8>, at position: Int, before end: Int, _ state: inout UnigramWorkspace,
    into output: inout [Int32]
  ) -> Int {
    let byte = text[position]
    if byte == 0x20 {
      if !state.dropsSpaces { state.spaces += 1 }
      state.dropsSpaces = removesExtraWhitespace
      return 1
    }
    state.dropsSpaces = false
    if byte < 0x80 {
      append(byte, &state, into: &output)
      return 1
    }
    let (scalar, length) = UTF8Scalar.read(text, at: position, before: end)
    if scalar == 0x2581 {
      state.spaces += 1
    } else if length == 0 {
      for byte in [0xEF, 0xBF, 0xBD] as [UInt8] { append(byte, &state, into: &output) }
    } else {
      for index in position..<position + length { append(text[index], &state, into: &output) }
    }
    return max(length, 1)
  }

  @inline(__always)
  private func append(_ byte: UInt8, _ state: inout UnigramWorkspace, into output: inout [Int32]) {
    if state.spaces > 0 { appendSpaces(&state, into: &output) }
    state.word.append(byte)
  }

  /// A space begins a word, which ends the one before.
  private func appendSpaces(_ state: inout UnigramWorkspace, into output: inout [Int32]) {
    if cutsAtSpaces { appendWord(&state, into: &output) }
    for _ in 0..<state.spaces { state.word.append(0x20) }
    state.spaces = 0
  }
}

// MARK: - The best cut

extension UnigramEncoder {
  /// Appends the ids of the word, which is empty afterwards.
  private func appendWord(_ state: inout UnigramWorkspace, into output: inout [Int32]) {
    let count = state.word.count
    guard count > 0 else { return }
    findCut(state.word, from: state.sum, &state.cut)
    state.sum = state.cut[count].sum
    if state.sum < -Self.largestSum { state.sum = 0 }
    appendCut(&state, into: &output)
    state.word.removeAll(keepingCapacity: true)
  }

  private func appendCut(_ state: inout UnigramWorkspace, into output: inout [Int32]) {
    var end = state.word.count
    while end > 0 {
      let last = state.cut[end]
      state.pieces.append((last.id, Int(last.start)..<end))
      end = Int(last.start)
    }
    while let (id, range) = state.pieces.popLast() {
      if id != unknown {
        output.append(id)
      } else if !byteIds.isEmpty {
        for index in range { appendBytes(of: state.word[index], into: &output) }
      } else if !state.endsUnknown {
        // A run of unknown characters is one unknown piece.
        output.append(id)
      }
      state.endsUnknown = id == unknown
    }
  }

  /// A space stands for SentencePiece's sign.
  private func appendBytes(of byte: UInt8, into output: inout [Int32]) {
    guard byte == 0x20 else { return output.append(byteIds[Int(byte)]) }
    for byte in SentencePieceModel.space { output.append(byteIds[Int(byte)]) }
  }

  /// By place: the last piece of the cut up to there with the largest sum, the first found of equals.
  private func findCut(_ word: [UInt8], from sum: Float, _ places: inout [UnigramWorkspace.Last]) {
    UnigramWorkspace.clear(&places, count: word.count + 1, from: sum)
    let word = word.span
    let nodes = trie.nodes.span
    var cut = places.mutableSpan
    var start = 0
    while start < word.count {
      let sum = cut[start].sum
      let single = min(start + max(UTF8Scalar.length(word[start]), 1), word.count)
      var node = PieceTrie.root
      var end = start
      var isKnown = false
      while end < word.count, let child = PieceTrie.child(of: node, by: word[end], nodes) {
        node = child
        end += 1
        let id = nodes[node].id
        guard id >= 0 else { continue }
        cut[end].improve(sum: nodes[node].score + sum, id: id, start: start)
        if end == single { isKnown = true }
      }
      if !isKnown { cut[single].improve(sum: unknownScore + sum, id: unknown, start: start) }
      start = single
    }
  }
}

/// What one thread needs while it encodes with a unigram model.
struct UnigramWorkspace: Sendable {
  /// The last piece of a cut.
  struct Last: Sendable {
    fileprivate(set) var sum: Float = 0
    fileprivate(set) var id: Int32 = -1
    /// Where it starts in the word; -1 where no cut is known yet.
    fileprivate(set) var start: Int32 = -1

    @inline(__always)
    fileprivate mutating func improve(sum: Float, id: Int32, start: Int) {
      guard self.start < 0 || sum > self.sum else { return }
      self = Last(sum: sum, id: id, start: Int32(start))
    }
  }

  /// The scores of all settled words, added up.
  fileprivate var sum: Float = 0
  /// The word so far, and how many spaces come before its next character.
  fileprivate var word: [UInt8] = []
  fileprivate var spaces = 0
  /// Whether a space here would be one too many.
  fileprivate var dropsSpaces = false
  fileprivate var endsUnknown = false
  /// By place in the word.
  fileprivate var cut: [Last] = []
  /// The cut's pieces, the last one first.
  fileprivate var pieces: [(id: Int32, range: Range<Int>)] = []

  fileprivate mutating func begin(spaces: Int, dropsSpaces: Bool) {
    self.spaces = spaces
    self.dropsSpaces = dropsSpaces
    endsUnknown = false
    sum = 0
  }

  fileprivate static func clear(_ places: inout [Last], count: Int, from sum: Float) {
    places.removeAll(keepingCapacity: true)
    places.append(Last(sum: sum, id: -1, start: 0))
    for _ in 1..<count { places.append(Last()) }
  }
}
