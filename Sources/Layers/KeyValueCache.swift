import Tensors

/// Keys and values of the tokens seen so far, for every layer, so that continuing a text costs one token.
package final class KeyValueCache {
  /// Tokens kept for each sequence.
  package private(set) var length = 0
  package let capacity: Int
  package let sequences: Int
  /// Of each layer: [sequences, capacity, 2 · keyValueWidth], k beside v.
  private let layers: [Tensor]
  private let width: Int

  package init(layers: Int, sequences: Int, capacity: Int, keyValueWidth: Int, on device: Device) {
    self.capacity = capacity
    self.sequences = sequences
    width = keyValueWidth
    self.layers = (0..<layers).map { _ in
      Tensor(uninitialized: Shape([sequences, capacity, 2 * keyValueWidth]), on: device)
    }
  }

  /// Elements between the keys of two sequences.
  package var sequenceStride: Int { capacity * 2 * width }

  /// Writes the keys and values of new tokens behind those kept and returns all of them as views.
  ///
  /// new: [sequences · count, 2 · width], k beside v.
  func append(_ new: Tensor, layer: Int) -> (k: Tensor, v: Tensor) {
    let count = new.rows / sequences
    precondition(
      length + count <= capacity, "the cache holds \(capacity) tokens, \(length + count) are needed")
    let kept = layers[layer].reshaped(Shape(sequences * capacity, 2 * width))
    for sequence in 0..<sequences {
      let first = sequence * capacity + length
      kept.rows(first..<first + count).copyRows(from: new.rows(sequence * count..<(sequence + 1) * count))
    }
    return (kept.columns(0..<width), kept.columns(width..<2 * width))
  }

  /// Counts tokens that every layer has appended.
  package func advance(by count: Int) { length += count }

  /// Forgets all tokens after the first `length`.
  package func truncate(to length: Int) {
    precondition(length <= self.length, "cannot truncate \(self.length) tokens to \(length)")
    self.length = length
  }
}
