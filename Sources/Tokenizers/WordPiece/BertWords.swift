/// Cuts a text into the words that BERT's pieces are looked for in, normalised.
struct BertWords: Sendable {
  let characters: BertCharacters
  /// By byte below 0x80: its kind and its small form, which spares ASCII the wide table.
  private let ascii: [(kind: BertCharacters.Kind, byte: UInt8)]

  init(_ options: BertCharacters.Options) {
    let characters = BertCharacters.of(options)
    self.characters = characters
    ascii = (UInt8(0)..<128).map { byte in
      let kind = characters.kind(UInt32(byte))
      // What changes in ASCII are capitals.
      return kind == .changed ? (.plain, byte | 0x20) : (kind, byte)
    }
  }

  /// Calls `body` with the UTF-8 of each word, in the order of the text.
  ///
  /// A byte that is not UTF-8 reads as U+FFFD. `word` and `scalars` are working memory.
  @inline(__always)
  func forEach(
    _ text: Span<UInt8>, in range: Range<Int>, word: inout [UInt8], scalars: inout [UInt32],
    _ body: (Span<UInt8>) -> Void
  ) {
    word.removeAll(keepingCapacity: true)
    var position = range.lowerBound
    while position < range.upperBound {
      let byte = text[position]
      guard byte < 0x80 else {
        let (scalar, length) = UTF8Scalar.read(text, at: position, before: range.upperBound)
        append(length > 0 ? scalar : 0xFFFD, &word, &scalars, body)
        position += max(length, 1)
        continue
      }
      let character = ascii[Int(byte)]
      switch character.kind {
      case .plain, .changed: word.append(character.byte)
      case .removed: break
      case .space: Self.end(&word, body)
      case .isolated, .changedAndIsolated:
        Self.end(&word, body)
        word.append(character.byte)
        Self.end(&word, body)
      }
      position += 1
    }
    Self.end(&word, body)
  }

  @inline(__always)
  private static func end(_ word: inout [UInt8], _ body: (Span<UInt8>) -> Void) {
    guard !word.isEmpty else { return }
    body(word.span)
    word.removeAll(keepingCapacity: true)
  }

  @inline(never)
  private func append(
    _ scalar: UInt32, _ word: inout [UInt8], _ scalars: inout [UInt32], _ body: (Span<UInt8>) -> Void
  ) {
    let kind = characters.kind(scalar)
    guard kind == .changed || kind == .changedAndIsolated else {
      return append(settled: scalar, kind, &word, body)
    }
    if kind == .changedAndIsolated { Self.end(&word, body) }
    scalars.removeAll(keepingCapacity: true)
    characters.append(scalar, to: &scalars)
    // What it became may be punctuation: ≠ decomposes to = and a mark.
    for scalar in scalars { append(settled: scalar, characters.kind(scalar), &word, body) }
    if kind == .changedAndIsolated { Self.end(&word, body) }
  }

  private func append(
    settled scalar: UInt32, _ kind: BertCharacters.Kind, _ word: inout [UInt8], _ body: (Span<UInt8>) -> Void
  ) {
    if kind == .removed { return }
    if kind == .space { return Self.end(&word, body) }
    if kind == .isolated { Self.end(&word, body) }
    if let scalar = Unicode.Scalar(scalar) { word.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
    if kind == .isolated { Self.end(&word, body) }
  }
}
