import Tensors

/// Which token stood where a mask stands: output(norm(activation(dense(x)))).  x: [scored, width]
///
/// Every rank of the tensor axis has the dense layer and its norm whole; they divide the vocabulary alone.
package struct MaskedTokenHead {
  package let dense: Linear
  package let activation: Activation
  package let norm: Norm
  package let output: VocabularyOutput
  private let axis: TensorAxis

  package init(
    dense: Linear, activation: Activation, norm: Norm, output: VocabularyOutput, _ axis: TensorAxis
  ) {
    precondition(!activation.isGated, "a transform without a gate")
    self.dense = dense
    self.activation = activation
    self.norm = norm
    self.output = output
    self.axis = axis
  }

  func logits(_ x: Tensor, _ microbatch: Microbatch) -> Tensor {
    output.logits(norm.forward(activated(x).y, microbatch).y)
  }

  /// The loss of each row.
  func losses(_ x: Tensor, targets: Tensor, _ microbatch: Microbatch) -> Tensor {
    output.losses(norm.forward(activated(x).y, microbatch).y, targets: targets)
  }

  /// The loss of each row, and dx: all of it, on every rank.
  func lossesAndGradient(
    _ x: Tensor, targets: Tensor, gradientWeight: Float, _ microbatch: Microbatch
  ) -> (losses: Tensor, dx: Tensor) {
    let (activated, preactivation) = activated(x)
    let (normed, saved) = norm.forward(activated, microbatch)
    let (losses, dNormed) = output.lossesAndGradient(normed, targets: targets, gradientWeight: gradientWeight)
    axis.group.allReduce(dNormed)
    let dActivated = norm.backward(dNormed, saved, microbatch)
    let dPreactivation = Tensor(uninitialized: preactivation.shape, on: x.device)
    dPreactivation.setActivationGradient(activation, dActivated, at: preactivation)
    return (losses, dense.backward(dPreactivation, x, microbatch))
  }

  private func activated(_ x: Tensor) -> (y: Tensor, preactivation: Tensor) {
    let y = Tensor(uninitialized: Shape(x.rows, dense.outWidth), on: x.device)
    return (y, dense.apply(x, Epilogue(activated: (activation, y))))
  }
}
