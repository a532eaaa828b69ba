/// One thing that a pipeline stage does. What it receives before and sends behind it follows from the action.
package enum Action: Sendable, Hashable {
  /// The forward pass of a microbatch through one of the stage's model chunks.
  case forward(microbatch: Int, chunk: Int)
  /// Its way back: the gradient of the input, and of the weights where no `weights` follows.
  case backward(microbatch: Int, chunk: Int)
  /// The weight gradients that its way back held.
  case weights(microbatch: Int, chunk: Int)
}
