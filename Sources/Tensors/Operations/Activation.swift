import CKernels

/// A function applied to each element between the two linear maps of a feed-forward layer.
package enum Activation: String, Codable, CaseIterable, Sendable {
  /// ½x(1 + tanh(√(2/π)(x + 0.044715x³))), GPT-2's.
  case gelu
  /// x·Φ(x), BERT's.
  case geluErf = "gelu_erf"
  /// max(x, 0)², Nemotron-4's (So et al. 2021).
  case squaredReLU = "squared_relu"
  /// silu(gate)·up with two maps in, Llama's (Shazeer 2020).
  case swiglu

  var kernel: nk_activation {
    switch self {
    case .gelu: NK_GELU_TANH
    case .geluErf: NK_GELU_ERF
    case .squaredReLU: NK_SQUARED_RELU
    case .swiglu: preconditionFailure("SwiGLU joins two columns: use setSwiGLU")
    }
  }

  /// Whether the layer in front makes a gate and a value of each element.
  package var isGated: Bool { self == .swiglu }
}

extension Tensor {
  /// self = activation(x), elementwise.
  package func setActivation(_ activation: Activation, of x: Tensor) {
    precondition(count == x.count && isContiguous && x.isContiguous, "\(x.shape) into \(shape)")
    device.run("activation", bytes: byteCount + x.byteCount) {
      nk_activate($0, activation.kernel, f32, x.f32, Int64(count))
    }
  }

  /// self = dy ∘ activation′(x).
  package func setActivationGradient(_ activation: Activation, _ dy: Tensor, at x: Tensor) {
    precondition(count == x.count && count == dy.count, "\(dy.shape) and \(x.shape) into \(shape)")
    precondition(isContiguous && x.isContiguous && dy.isContiguous, "activations are contiguous")
    device.run("activation backward", bytes: byteCount + dy.byteCount + x.byteCount) {
      nk_activate_backward($0, activation.kernel, f32, dy.f32, x.f32, Int64(count))
    }
  }

  /// self = silu(gate) ∘ up.  gateUp: [rows, 2·width] = gate | up; self: [rows, width]
  package func setSwiGLU(_ gateUp: Tensor) {
    precondition(gateUp.columns == 2 * columns && gateUp.rows == rows, "\(gateUp.shape) into \(shape)")
    precondition(isContiguous && gateUp.isContiguous, "activations are contiguous")
    device.run("swiglu", bytes: byteCount + gateUp.byteCount) {
      nk_swiglu_forward($0, gateUp.f32, f32, Int64(rows), Int64(columns))
    }
  }

  /// self = gradient of gateUp, [rows, 2·width].
  package func setSwiGLUGradient(_ dy: Tensor, at gateUp: Tensor) {
    precondition(gateUp.shape == shape && dy.columns * 2 == columns, "\(dy.shape) into \(shape)")
    precondition(isContiguous && gateUp.isContiguous && dy.isContiguous, "activations are contiguous")
    device.run("swiglu backward", bytes: byteCount + dy.byteCount + gateUp.byteCount) {
      nk_swiglu_backward($0, dy.f32, gateUp.f32, f32, nil, Int64(rows), Int64(dy.columns))
    }
  }
}
