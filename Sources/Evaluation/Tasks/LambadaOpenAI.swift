import Corpus
import Tokenizers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// LAMBADA as lm-eval's `lambada_openai` reports it: the last word is what follows the last space, and its tokens are
/// what the whole passage has beyond those of what comes before.
///
///     accuracy = share of words whose tokens are all the model's first choice
///     perplexity = exp(mean of −ln p(word))
package struct LambadaOpenAI: EvaluationTask {
  package static let isChoosing = true
  package let windows: [Window]
  private let targets: [String]

  /// JSON lines with a key `text`.
  package init(_ input: TaskInput) throws {
    let texts = try input.documents(.jsonl).map { [Unicode.Scalar](utf8: $0) }
    var windows: [Window] = []
    var targets: [String] = []
    for (index, text) in texts.enumerated() {
      let (context, continuation) = Self.ids(of: text, input.tokenizer)
      windows.append(try input.window(context, continuation, document: index))
      targets.append(input.tokenizer.text(of: continuation))
    }
    self.windows = windows
    self.targets = targets
  }

  /// The ids before the last word, and the word's.
  private static func ids(of text: [Unicode.Scalar], _ tokenizer: any Tokenizer) -> (
    context: [Int32], continuation: [Int32]
  ) {
    // lm-eval moves space at the end of a context to what follows; the space before the word is there already.
    let start = text.lastIndex(of: " ") ?? text.startIndex
    let before = text[..<(text[..<start].lastIndex { !$0.isPythonSpace }.map { $0 + 1 } ?? text.startIndex)]
    let context = tokenizer.encode(before.utf8)
    guard context.isEmpty else {
      return (tokenizer.opening + context, Array(tokenizer.encode(text.utf8).dropFirst(context.count)))
    }
    // A word alone is predicted from what begins texts; where it begins with that itself, from this.
    let word = tokenizer.encode((text.first == " " ? text : [" "] + text).utf8)
    guard let prefix = tokenizer.beginningOfText ?? tokenizer.endOfText else { return ([], word) }
    return prefix == word.first ? ([prefix], Array(word.dropFirst())) : ([prefix], word)
  }

  package func figures(_ scores: [Score]) -> [Figure] {
    let correct = scores.count(where: \.isGreedy)
    let mean = scores.reduce(0) { $0 + $1.logLikelihood } / Double(scores.count)
    return [
      Figure("accuracy", Double(correct) / Double(scores.count)), Figure("perplexity", exp(-mean), digits: 3),
      Figure("correct", count: correct), Figure("documents", count: scores.count),
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
