import Tokenizers

/// The text of one choice as its tokens come: whole characters, up to the first stop string.
package struct ChoiceText: Sendable {
  private var stream: TextStream
  private var stop: StopText
  private let hidden: Set<Int32>
  /// Characters (Unicode scalars) that the tokens so far have completed, the stop string's included.
  package private(set) var completed = 0
  /// Characters given out.
  package private(set) var given = 0

  /// - Parameters:
  ///   - hidden: tokens that add no text, such as the special ones.
  ///   - isContinued: whether other text stands before.
  package init(
    _ tokenizer: any Tokenizer, stops: [String], hidden: Set<Int32> = [], isContinued: Bool = true
  ) {
    stream = TextStream(tokenizer, isContinued: isContinued)
    stop = StopText(stops)
    self.hidden = hidden
  }

  /// Whether a stop string was found: the choice is over.
  package var isStopped: Bool { stop.isComplete }

  /// The text that can be given out now that `id` came.
  package mutating func append(_ id: Int32) -> String {
    if isStopped || hidden.contains(id) { return "" }
    return give(stream.append(id))
  }

  /// The text that waited, when no more tokens come.
  package mutating func finish() -> String {
    if isStopped { return "" }
    var text = give(stream.finish())
    if !isStopped {
      let rest = stop.finish()
      given += rest.unicodeScalars.count
      text += rest
    }
    return text
  }

  private mutating func give(_ text: String) -> String {
    completed += text.unicodeScalars.count
    let out = stop.append(text)
    given += out.unicodeScalars.count
    return out
  }
}
