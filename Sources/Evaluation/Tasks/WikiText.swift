import Corpus
import Tokenizers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Perplexity of WikiText's articles as lm-eval's `wikitext` reports it: each article by itself, detokenised, its first
/// token behind the one that begins texts, by rolling windows. Words and bytes are those of the article as it is.
package struct WikiText: EvaluationTask {
  package static let isChoosing = false
  package let windows: [Window]
  private let pages: [Page]

  private struct Page {
    let windows: Range<Int>
    let words: Int
    let bytes: Int
  }

  /// Pages are JSON lines with a key `page`, or begin with their titles in a file of plain text.
  package init(_ input: TaskInput) throws {
    let isJSON = input.files.allSatisfy { InputFormat(path: $0) == .jsonl }
    let texts = try input.documents(isJSON ? .jsonl : .text, key: "page").flatMap {
      isJSON ? [[Unicode.Scalar](utf8: $0)] : WikiTextPages.split([Unicode.Scalar](utf8: $0))
    }
    guard let prefix = input.tokenizer.beginningOfText ?? input.tokenizer.endOfText else {
      throw EvaluationFailure(
        input.place,
        "wikitext predicts the first token of a page from one that begins or ends texts: the tokenizer has none"
      )
    }
    let encoded = input.tokenizer.encode(documents: texts.map { WikiTextDetokenizer.detokenize($0).utf8 })
    var windows: [Window] = []
    var pages: [Page] = []
    for (text, ids) in zip(texts, encoded) {
      let first = windows.count
      // What a tokenizer opens texts with is predicted too, as lm-eval has it.
      windows += .rolling(over: input.tokenizer.opening + ids, prefix: prefix, length: input.context)
      pages.append(Page(windows: first..<windows.count, words: text.spaceRuns + 1, bytes: text.utf8.count))
    }
    self.windows = windows
    self.pages = pages
  }

  package func figures(_ scores: [Score]) -> [Figure] {
    let nats = -scores.reduce(0) { $0 + $1.logLikelihood }
    let words = pages.reduce(0) { $0 + $1.words }, bytes = pages.reduce(0) { $0 + $1.bytes }
    return [
      Figure("word_perplexity", exp(nats / Double(words)), digits: 3),
      Figure("byte_perplexity", exp(nats / Double(bytes))),
      Figure("bits_per_byte", nats / Double(bytes) / log(2)),
      Figure("documents", count: pages.count), Figure("words", count: words), Figure("bytes", count: bytes),
      Figure("tokens", count: windows.reduce(0) { $0 + $1.scored }),
    ]
  }

  package func samples(_ scores: [Score]) -> [Sample] {
    pages.enumerated().map { index, page in
      Sample(
        document: index, tokens: windows[page.windows].reduce(0) { $0 + $1.scored },
        Score(logLikelihood: scores[page.windows].reduce(0) { $0 + $1.logLikelihood }, isGreedy: false),
        words: page.words, bytes: page.bytes)
    }
  }
}
