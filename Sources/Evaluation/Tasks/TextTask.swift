import Corpus
import Tokenizers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How well a model predicts any text: the documents follow each other as in training, each behind the token that ends
/// the one before, the first behind what the tokenizer opens texts with, and windows slide over all of them.
package struct TextTask: EvaluationTask {
  package static let isChoosing = false
  package let windows: [Window]
  /// Of the documents.
  private let bytes: Int

  package init(_ input: TaskInput) throws {
    let documents = try input.documents(nil)
    let end = input.tokenizer.endOfText
    bytes = documents.reduce(0) { $0 + $1.count }
    let encoded =
      documents.count == 1
      ? [input.tokenizer.encode(parallel: documents[0])] : input.tokenizer.encode(documents: documents)
    let opening = input.tokenizer.opening
    var ids = opening.isEmpty ? end.map { [$0] } ?? [] : opening
    for (index, document) in encoded.enumerated() {
      if index > 0, let end { ids.append(end) }
      ids += document
    }
    windows = try input.slidingWindows(over: ids)
  }

  package func figures(_ scores: [Score]) -> [Figure] {
    let nats = -scores.reduce(0) { $0 + $1.logLikelihood }
    let tokens = windows.reduce(0) { $0 + $1.scored }
    let loss = nats / Double(tokens)
    return [
      Figure("loss", loss), Figure("perplexity", exp(loss), digits: 3),
      // Comparable between tokenizers.
      Figure("bits_per_byte", nats / log(2) / Double(bytes)),
      Figure("tokens", count: tokens), Figure("bytes", count: bytes),
    ]
  }

  package func samples(_ scores: [Score]) -> [Sample] { windowSamples(scores) }
}
