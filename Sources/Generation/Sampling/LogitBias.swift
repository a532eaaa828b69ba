import Tensors

/// Numbers added to the logits of some tokens.
struct LogitBias: Sendable {
  private let tokens: [(id: Int, bias: Float)]

  init(_ biases: [Int32: Float]) {
    tokens = biases.sorted { $0.key < $1.key }.map { (Int($0.key), $0.value) }
  }

  var isEmpty: Bool { tokens.isEmpty }

  /// Ids beyond the vocabulary are passed over.
  func add(to logits: Tensor) {
    for token in tokens where 0 <= token.id && token.id < logits.count { logits[token.id] += token.bias }
  }
}
