import Layers
import Tensors

/// Compares backward with finite differences.
package struct GradientCheck {
  /// The largest |analytic − numeric| over the largest |numeric|, for x and for each parameter. (A gradient
  /// that vanishes, as a key's bias does, is measured against a thousandth of the largest of all.)
  package let errors: [(name: String, error: Double)]

  package var worst: (name: String, error: Double) { errors.max { $0.error < $1.error } ?? ("", 0) }

  /// Checks `layer` at x: d Σ(y ∘ weights)/d{x, parameters} by central differences of step `step`, at up to
  /// `samples` elements of each.
  package init<L: Layer>(
    _ layer: L, x: Tensor, store: ParameterStore, microbatch: Microbatch, step: Float = 1e-2,
    samples: Int = 24
  ) {
    let y = layer.forward(x, microbatch)
    let weights = Tensor(uninitialized: y.y.shape, on: x.device)
    weights.fillNormal(deviation: 1, key: 7)
    store.gradients.fill(0)
    let dx = layer.backward(weights, y.saved, microbatch)
    microbatch.weightGradients.flush()

    let weightValues = weights.floats
    func objective() -> Double {
      zip(layer.forward(x, microbatch).y.floats, weightValues).reduce(0) {
        $0 + Double($1.0) * Double($1.1)
      }
    }
    func compare(_ values: Tensor, with gradient: [Float]) -> (largest: Double, difference: Double) {
      let original = values.floats
      let stride = max(1, original.count / samples)
      var largest = 0.0
      var difference = 0.0
      for index in Swift.stride(from: 0, to: original.count, by: stride) {
        func at(_ value: Float) -> Double {
          var changed = original
          changed[index] = value
          values.copy(from: changed)
          return objective()
        }
        // Fourth-order central difference: a large step keeps f32's rounding small.
        let near = at(original[index] + step) - at(original[index] - step)
        let far = at(original[index] + 2 * step) - at(original[index] - 2 * step)
        let numeric = (8 * near - far) / (12 * Double(step))
        largest = max(largest, abs(numeric))
        difference = max(difference, abs(numeric - Double(gradient[index])))
      }
      values.copy(from: original)
      return (largest, difference)
    }
    var found = [("x", compare(x, with: dx.floats))]
    let gradients = store.named(in: store.gradients).map(\.tensor.floats)
    for (parameter, gradient) in zip(store.named(in: store.values), gradients) {
      found.append((parameter.name, compare(parameter.tensor, with: gradient)))
    }
    let floor = 1e-3 * (found.map(\.1.largest).max() ?? 0)
    errors = found.map { ($0.0, $0.1.difference / max($0.1.largest, floor)) }
  }
}

extension ParameterStore {
  /// Allocates and sets every parameter to random numbers, the constants too.
  package func randomize(on device: Device, deviation: Float = 0.3, key: UInt64 = 3) {
    allocate(on: device, gradients: true)
    values.fillNormal(deviation: deviation, key: key)
  }
}

extension Microbatch {
  /// Sequences of ids that step through the vocabulary.
  package static func sample(
    sequences: Int, length: Int, vocabulary: Int = 17, key: RandomKey? = nil, on device: Device
  ) -> Microbatch {
    let count = sequences * length
    let ids = (0..<count).map { Int32(($0 * 7 + $0 / 5) % vocabulary) }
    let positions = (0..<count).map { Int32($0 % length) }
    return Microbatch(
      ids: Tensor(ids, Shape(count), on: device), positions: Tensor(positions, Shape(count), on: device),
      sequences: sequences, length: length, key: key)
  }
}
