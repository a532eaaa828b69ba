import Tensors

extension Candidates {
  /// All tokens, weighed by softmax(logits / temperature).
  init(_ logits: Tensor, largest: Float, temperature: Double) {
    // However small the temperature, the largest logit's difference from itself stays 0.
    let scale = min(1 / temperature, Double(Float.greatestFiniteMagnitude))
    self.init(logits, largest: largest, scale: Float(scale))
  }
}
