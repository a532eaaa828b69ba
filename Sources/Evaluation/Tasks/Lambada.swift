import Corpus
import Tokenizers

/// LAMBADA as the Megatron-LM papers report it (tasks/zeroshot_gpt): how often a model gets the last word of a passage
/// right. A word is right when each of its tokens, the true ones before it given, is the model's first choice
/// (`--strict-lambada`); not strict, the last token of the passage is all that counts.
package struct Lambada: EvaluationTask {
  package static let isChoosing = true
  package let windows: [Window]
  private let targets: [String]

  /// JSON lines with a key `text`.
  package init(_ input: TaskInput) throws {
    let tokenizer = input.tokenizer
    let texts = try input.documents(.jsonl)
    var windows: [Window] = []
    var targets: [String] = []
    for (index, text) in texts.enumerated() {
      let context: [Int32]
      let label: [Int32]
      if input.isStrict {
        let (before, word) = Self.lastWord(of: [Unicode.Scalar](utf8: text))
        context = tokenizer.encode(before.utf8)
        // Without a word, nothing is asked.
        label = word.isEmpty ? [] : tokenizer.encode(([" "] + word).utf8)
      } else {
        let ids = tokenizer.encode(text)
        context = Array(ids.dropLast())
        label = ids.suffix(1)
      }
      windows.append(try input.window(context, label, document: index))
      targets.append(tokenizer.text(of: label))
    }
    self.windows = windows
    self.targets = targets
  }

  /// What stands between the last two runs of white space, and what before, without space at its ends.
  static func lastWord(of text: [Unicode.Scalar]) -> (
    before: ArraySlice<Unicode.Scalar>, word: ArraySlice<Unicode.Scalar>
  ) {
    let text = text.stripped
    let start = text.lastIndex { $0.isPythonSpace }.map { $0 + 1 } ?? text.startIndex
    return (text[..<start].stripped, text[start...])
  }

  package func figures(_ scores: [Score]) -> [Figure] {
    let correct = scores.count(where: \.isGreedy)
    return [
      Figure("accuracy", Double(correct) / Double(scores.count)), Figure("correct", count: correct),
      Figure("documents", count: scores.count),
    ]
  }

  package func samples(_ scores: [Score]) -> [Sample] {
    scores.indices.map {
      Sample(
        document: $0, tokens: windows[$0].scored, scores[$0], target: targets[$0],
        isCorrect: scores[$0].isGreedy)
    }
  }
}
