import Tensors

/// Where layers hand in their weight gradients: dW += dyᵀ·x, at once or when the schedule says so.
///
/// Zero-bubble schedules (Qi et al. 2023) split the backward in two: the gradient of the input, which the
/// stage before waits for, and the gradient of the weights, which nobody waits for.
package final class WeightGradients {
  private struct Pending {
    let parameter: Parameter
    let dy: Tensor
    let x: Tensor
  }

  /// Whether products are held until `flush()`.
  package var isDeferring = false
  private var pending: [Pending] = []

  package init(isDeferring: Bool = false) { self.isDeferring = isDeferring }

  /// gradient += dyᵀ·x.  dy: [tokens, out], x: [tokens, in], gradient: [out, in]
  package func add(_ parameter: Parameter, dy: Tensor, x: Tensor) {
    if isDeferring {
      pending.append(Pending(parameter: parameter, dy: dy, x: x))
    } else {
      parameter.gradient.setProduct(dy, x, .first, accumulate: true)
    }
  }

  /// Computes what is held, in the order in which it came.
  package func flush() {
    for product in pending {
      product.parameter.gradient.setProduct(product.dy, product.x, .first, accumulate: true)
    }
    pending.removeAll(keepingCapacity: true)
  }

  package var pendingCount: Int { pending.count }
}
