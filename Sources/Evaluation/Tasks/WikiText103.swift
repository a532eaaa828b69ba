import Corpus
import Tokenizers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Perplexity of WikiText-103 as the Megatron-LM papers report it (tasks/zeroshot_gpt): the raw test file, detokenised,
/// as one sequence of tokens; the loss is turned into a perplexity of the file's own words and marks.
///
///     adjusted perplexity = exp(min(20, loss · (T − 1) / (T₀ − 1)))
///
/// T: tokens of the detokenised file; T₀: pieces between single spaces of the file as it is.
package struct WikiText103: EvaluationTask {
  package static let isChoosing = false
  package let windows: [Window]
  private let tokens: Int
  private let originalTokens: Int

  package init(_ input: TaskInput) throws {
    guard input.files.count == 1 else {
      throw EvaluationFailure(input.place, "wikitext103 is measured on one file, wiki.test.raw")
    }
    let text = [Unicode.Scalar](utf8: try input.documents(.text)[0])
    originalTokens = text.stripped.count { $0 == " " } + 1
    guard originalTokens > 1 else {
      throw EvaluationFailure(
        input.place, "holds no two words apart by a space; expected WikiText as published")
    }
    let ids = input.tokenizer.encode(parallel: WikiTextDetokenizer.detokenize(text).utf8)
    tokens = ids.count
    windows = try input.slidingWindows(over: ids)
  }

  package func figures(_ scores: [Score]) -> [Figure] {
    let loss = -scores.reduce(0) { $0 + $1.logLikelihood } / Double(tokens - 1)
    let ratio = Double(tokens - 1) / Double(originalTokens - 1)
    return [
      Figure("loss", loss), Figure("perplexity", exp(min(20, loss)), digits: 3),
      Figure("adjusted_perplexity", exp(min(20, loss * ratio)), digits: 3),
      Figure("token_ratio", ratio), Figure("tokens", count: tokens),
      Figure("original_tokens", count: originalTokens),
    ]
  }

  package func samples(_ scores: [Score]) -> [Sample] { windowSamples(scores) }
}
