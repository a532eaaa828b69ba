import Generation

/// What is known of one choice, and what of it has been given out.
struct ChoiceProgress {
  enum Finish: Equatable {
    case stop
    case length
  }

  /// A token's score and where its text begins, in characters (Unicode scalars) of the choice's text.
  struct Placed {
    var score: TokenScore
    var offset: Int
  }

  /// What is new of a choice.
  struct Delta {
    var text = ""
    var scores: [Placed] = []
    var finish: Finish?

    var isEmpty: Bool { text.isEmpty && scores.isEmpty && finish == nil }
  }

  private var text: ChoiceText
  /// Scores of tokens whose text has not been given out yet, and where it ends.
  private var waiting: [(placed: Placed, end: Int)] = []
  private let wantsScores: Bool
  private let endTokens: Set<Int32>
  /// Characters that stand before, of the echo.
  private let start: Int
  /// Tokens written.
  private(set) var count = 0
  private(set) var finish: Finish?

  /// - Parameter endTokens: tokens that end the choice and are scored, unlike a generation request's stops.
  init(text: ChoiceText, wantsScores: Bool, endTokens: Set<Int32>, start: Int) {
    self.text = text
    self.wantsScores = wantsScores
    self.endTokens = endTokens
    self.start = start
  }

  var isFinished: Bool { finish != nil }

  mutating func take(_ score: TokenScore) -> Delta {
    if isFinished { return Delta() }
    count += 1
    let offset = text.completed
    let isEnd = endTokens.contains(score.id)
    var delta = Delta(text: isEnd ? "" : text.append(score.id))
    if wantsScores { waiting.append((Placed(score: score, offset: start + offset), text.completed)) }
    if isEnd { return finished(.stop, delta) }
    if text.isStopped {
      // Of a stop string's tokens only those count that begin before it.
      let end = start + text.given
      waiting.removeAll { $0.placed.offset >= end }
      return finished(.stop, delta)
    }
    let ready = waiting.prefix { $0.end <= text.given }.count
    delta.scores = waiting.prefix(ready).map(\.placed)
    waiting.removeFirst(ready)
    return delta
  }

  mutating func end(_ finish: Finish) -> Delta {
    if isFinished { return Delta() }
    return finished(finish, Delta())
  }

  private mutating func finished(_ finish: Finish, _ delta: Delta) -> Delta {
    self.finish = finish
    var delta = delta
    delta.text += text.finish()
    // What waited may have completed a stop string with its last character.
    if text.isStopped { self.finish = .stop }
    delta.scores = waiting.map(\.placed)
    delta.finish = self.finish
    waiting = []
    return delta
  }
}
