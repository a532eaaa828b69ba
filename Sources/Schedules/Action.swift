/// One thing that a pipeline stage does. What it receives before and sends behind it follows from the action.
package enum Action: Sendable, Hashable {
  /// The forward pass of a microbatch through one of the stage's model chunks.
  case forward(microbatch: Int, chunk: Int)
  /// Its way back: the gradient of the input, and of the weights where no `weights` follows.
  case backward(microbatch: Int, chunk: Int)
  /// The weight gradients that its way back held.
  case weights(microbatch: Int, chunk: Int)

  package var microbatch: Int {
    switch self {
    case .forward(let microbatch, _), .backward(let microbatch, _), .weights(let microbatch, _): microbatch
    }
  }

  package var chunk: Int {
    switch self {
    case .forward(_, let chunk), .backward(_, let chunk), .weights(_, let chunk): chunk
    }
  }
}

extension Action: CustomStringConvertible {
  /// "forward of microbatch 3, chunk 1": the chunk is left out where it is the first.
  package var description: String {
    let pass =
      switch self {
      case .forward: "forward"
      case .backward: "backward"
      case .weights: "weights"
      }
    return "\(pass) of microbatch \(microbatch)\(chunk > 0 ? ", chunk \(chunk)" : "")"
  }
}
