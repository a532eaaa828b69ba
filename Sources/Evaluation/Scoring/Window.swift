/// Tokens of which the last ones are to be predicted, each from those before it: what a task asks of a model.
package struct Window: Sendable, Equatable {
  package let tokens: ArraySlice<Int32>
  /// How many are predicted: at most all but the first.
  package let scored: Int

  package init(_ tokens: ArraySlice<Int32>, scored: Int) {
    precondition((0..<max(1, tokens.count)).contains(scored), "\(scored) of \(tokens.count) tokens")
    self.tokens = tokens
    self.scored = scored
  }

  /// `continuation` behind `context`, of which a model of `length` tokens sees the end (lm-eval's cut).
  package init(context: [Int32], continuation: [Int32], length: Int) {
    self.init((context + continuation).suffix(length + 1), scored: continuation.count)
  }

  /// Tokens that the model reads.
  package var inputCount: Int { max(0, tokens.count - 1) }

  /// What the model reads: the last token is only predicted.
  var inputs: ArraySlice<Int32> { tokens.dropLast() }
}

extension [Window] {
  /// All tokens of `ids` but the first, by windows of `length` inputs that begin `stride` apart: the first scores all
  /// it holds, each that follows its last `stride`. A stride below the length gives every token more to look back on,
  /// at the price of computing it several times (Megatron-LM's `--overlapping-eval`).
  package static func sliding(over ids: [Int32], length: Int, stride: Int) -> [Window] {
    precondition((1...length).contains(stride), "a stride of \(stride) in windows of \(length)")
    let targets = ids.count - 1
    return Swift.stride(from: 0, to: Swift.max(0, targets), by: stride).compactMap { start in
      let end = Swift.min(start + length, targets)
      // Megatron-LM also makes the last windows, which only repeat what others have scored, and counts nothing there.
      let scored = start == 0 ? end : end - (start + length - stride)
      return scored > 0 ? Window(ids[start...end], scored: scored) : nil
    }
  }

  /// All tokens of `ids`, the first behind `prefix`, each once and by as few windows of `length` inputs as can be; the
  /// last window is as long as the others and scores what is left (lm-eval's rolling log-likelihood).
  package static func rolling(over ids: [Int32], prefix: Int32, length: Int) -> [Window] {
    let all = [prefix] + ids
    return Swift.stride(from: 0, to: ids.count, by: length).map { first in
      let end = Swift.min(first + length, ids.count)
      return Window(all[Swift.max(0, end - length)...end], scored: end - first)
    }
  }
}
