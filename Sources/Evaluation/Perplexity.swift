import Layers
import Models
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How well a model predicts a text.
package struct Perplexity: Sendable, Equatable {
  /// Σ −ln p(token) over the scored tokens, in nats.
  package let negativeLogLikelihood: Double
  /// Tokens that were scored: all but the first.
  package let tokens: Int
  /// Bytes of the text.
  package let bytes: Int

  package init(negativeLogLikelihood: Double, tokens: Int, bytes: Int) {
    self.negativeLogLikelihood = negativeLogLikelihood
    self.tokens = tokens
    self.bytes = bytes
  }

  /// Mean negative log-likelihood of a token, in nats.
  package var loss: Double { negativeLogLikelihood / Double(max(1, tokens)) }
  /// e^loss.
  package var perplexity: Double { exp(loss) }
  /// Negative log-likelihood in bits over the bytes of the text: comparable between tokenizers.
  package var bitsPerByte: Double { negativeLogLikelihood / log(2) / Double(max(1, bytes)) }
}

extension Perplexity {
  /// Scores `ids` by windows of the model's context, `stride` targets of each (the last ones, except in the
  /// first window), `batch` windows at a time. A stride below the context gives every token more to look
  /// back on, at the price of computing it several times (Megatron's overlapping evaluation).
  package init(
    of ids: [Int32], bytes: Int, under model: Transformer, stride: Int? = nil, batch: Int = 8,
    progress: (Int, Int) -> Void = { _, _ in }
  ) {
    let length = min(model.config.context, max(1, ids.count - 1)), stride = min(stride ?? length, length)
    let starts = Swift.stride(from: 0, to: max(1, ids.count - 1), by: stride).prefix { start in
      // A window that only repeats what the one before has scored is not needed.
      start == 0 || start - stride + length < ids.count - 1
    }
    var sum = 0.0
    var scored = 0
    for first in Swift.stride(from: 0, to: starts.count, by: batch) {
      let windows = starts.dropFirst(first).prefix(batch)
      var inputs: [Int32] = []
      var targets: [Int32] = []
      for start in windows {
        for offset in 0..<length {
          let at = start + offset
          inputs.append(at < ids.count ? ids[at] : 0)
          let isNew = start == 0 || offset >= length - stride
          targets.append(isNew && at + 1 < ids.count ? ids[at + 1] : -1)
        }
      }
      let wanted = Targets(tokens: targets, on: model.device)
      let microbatch = Microbatch(inputs, sequences: windows.count, on: model.device)
      sum += model.losses(microbatch, wanted).tokens?.sum ?? 0
      scored += wanted.tokenCount
      progress(first + windows.count, starts.count)
    }
    self.init(negativeLogLikelihood: sum, tokens: scored, bytes: bytes)
  }
}
